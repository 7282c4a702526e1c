package com.example.pgmask;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.Arrays;
import javax.sql.DataSource;

/**
 * One lookup by key in a transaction over HikariCP, on the raw table and through the data source.
 *
 * <p>Arguments: JDBC URL, login, database, key file, rounds, calls per round, customers, units. The
 * password is in PGPASSWORD. Prints three numbers: microseconds raw, microseconds with login, and
 * the median of the rounds' ratios.
 */
public final class LookupBenchmark {
    private static final Actor AGENT = Actor.person(1, "agent", "7");
    private static final String COLUMNS = "id, unit_id, name, phone, email, id_no, bank_account,"
            + " address, gender, status, card_grade, created_at";

    private static long at;

    public static void main(String[] args) throws Exception {
        int rounds = Integer.parseInt(args[4]);
        int calls = Integer.parseInt(args[5]);
        long most = Math.max(Long.parseLong(args[6]) / Long.parseLong(args[7]) - 1, 1);
        int units = Integer.parseInt(args[7]);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(args[0]);
        config.setUsername(args[1]);
        config.setPassword(System.getenv("PGPASSWORD"));
        config.setMaximumPoolSize(1);
        config.setAutoCommit(false);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            DataSource ours = new PgmaskDataSource(
                    pool, Issuer.read(Path.of(args[3])), args[1], args[2], ActingAs::current);
            ActingAs.call(AGENT, () -> {
                measure(pool, ours, Math.max(rounds, 20), calls, most, units);
                double[][] found = measure(pool, ours, rounds, calls, most, units);
                double[] ratios = new double[rounds];
                for (int n = 0; n < rounds; n++) {
                    ratios[n] = found[1][n] / found[0][n];
                }
                System.out.printf(java.util.Locale.ROOT, "%.2f %.2f %.4f%n",
                        median(found[0]), median(found[1]), median(ratios));
                return null;
            });
        }
    }

    private static double[][] measure(
            DataSource raw, DataSource ours, int rounds, int calls, long most, int units)
            throws Exception {
        double[][] found = new double[2][rounds];
        for (int n = 0; n < rounds; n++) {
            for (int turn = 0; turn < 2; turn++) {
                int which = (n + turn) % 2;
                DataSource source = which == 0 ? raw : ours;
                String schema = which == 0 ? "raw" : "crm";
                long began = System.nanoTime();
                for (int call = 0; call < calls; call++) {
                    at = (at + 31) % most;
                    once(source, schema, at * units + 6);
                }
                found[which][n] = (System.nanoTime() - began) / 1000.0 / calls;
            }
        }
        return found;
    }

    private static void once(DataSource source, String schema, long key) throws Exception {
        try (Connection connection = source.getConnection();
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT " + COLUMNS + " FROM " + schema + ".customer WHERE id = ?")) {
            statement.setLong(1, key);
            try (ResultSet rows = statement.executeQuery()) {
                if (!rows.next() || rows.getLong(1) != key) {
                    throw new IllegalStateException("no customer " + key);
                }
            }
            connection.commit();
        }
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
