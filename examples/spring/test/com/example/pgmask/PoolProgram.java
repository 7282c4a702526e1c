package com.example.pgmask;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.sql.DataSource;

/**
 * Tries the data source over HikariCP with two connections; prints one line per trial.
 *
 * <p>Arguments: JDBC URL, login, database, the issuer's key file. The password is in PGPASSWORD.
 * Customers 41 and 42 are of unit 7 (agent 701), 43 and 44 of unit 9 (agent 901).
 */
public final class PoolProgram {
    private static final Actor LI = Actor.person(701, "agent", "7");
    private static final Actor ZHAO = Actor.person(901, "agent", "9");
    private static final String IDS = "SELECT id FROM crm.customer WHERE id < 45 ORDER BY id";
    private static final String HOLD =
            "DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM crm.customer";

    private static DataSource source;
    private static DataSource pool;
    private static boolean failed;

    private interface Trial {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        Issuer issuer = Issuer.read(Path.of(args[3]));
        try (HikariDataSource hikari = hikari(args[0], args[1], false);
                HikariDataSource eager = hikari(args[0], args[1], true)) {
            pool = hikari;
            source = new PgmaskDataSource(hikari, issuer, args[1], args[2], ActingAs::current);
            DataSource autocommit =
                    new PgmaskDataSource(eager, issuer, args[1], args[2], ActingAs::current);
            trial("nobody is PM101", () -> refused("PM101", () -> ids(null)));
            trial("each sees his own", PoolProgram::each);
            trial("two persons and nobody share two connections", PoolProgram::sharing);
            trial("nothing is left after commit", PoolProgram::nothingLeft);
            trial("read only", PoolProgram::readOnly);
            trial("a second person in a transaction is PM103", PoolProgram::second);
            trial("after a rollback to a savepoint", PoolProgram::savepoint);
            trial("a masked row is written back", PoolProgram::writing);
            trial("a failed statement and rollback", PoolProgram::failing);
            trial("a held cursor is closed at commit", PoolProgram::held);
            trial("without the wrapper it would stay", PoolProgram::heldControl);
            trial("autocommit is refused", () -> autocommit(autocommit));
            trial("the login is not prepared", PoolProgram::unprepared);
        }
        System.exit(failed ? 1 : 0);
    }

    private static HikariDataSource hikari(String url, String login, boolean autoCommit) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(login);
        config.setPassword(System.getenv("PGPASSWORD"));
        config.setMaximumPoolSize(2);
        config.setAutoCommit(autoCommit);
        return new HikariDataSource(config);
    }

    private static void trial(String name, Trial trial) {
        try {
            trial.run();
            System.out.println("ok      " + name);
        } catch (Throwable error) {
            failed = true;
            System.out.println("FAILED  " + name + ": " + error);
        }
    }

    private static void same(Object found, Object wanted) {
        if (!Objects.equals(found, wanted)) {
            throw new AssertionError("found " + found + ", wanted " + wanted);
        }
    }

    private static void refused(String state, Trial trial) throws Exception {
        try {
            trial.run();
        } catch (SQLException error) {
            same(error.getSQLState(), state);
            return;
        }
        throw new AssertionError("not refused with " + state);
    }

    private static Set<Long> ids(Actor actor) throws Exception {
        return ActingAs.call(actor, () -> {
            try (Connection connection = source.getConnection()) {
                Set<Long> found = ids(connection, IDS);
                connection.commit();
                return found;
            }
        });
    }

    private static Set<Long> ids(Connection connection, String query) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(query);
                ResultSet rows = statement.executeQuery()) {
            Set<Long> found = new TreeSet<>();
            while (rows.next()) {
                found.add(rows.getLong(1));
            }
            same(statement.getConnection(), connection);
            return found;
        }
    }

    private static void each() throws Exception {
        same(ids(LI), Set.of(41L, 42L));
        same(ids(ZHAO), Set.of(43L, 44L));
        same(ids(LI), Set.of(41L, 42L));
    }

    private static void sharing() throws Exception {
        ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int n = 0; n < 6; n++) {
            int part = n % 3;
            Thread thread = new Thread(() -> {
                for (int turn = 0; turn < 30; turn++) {
                    try {
                        if (part == 2) {
                            refused("PM101", () -> ids(null));
                        } else {
                            same(ids(part == 0 ? LI : ZHAO),
                                    part == 0 ? Set.of(41L, 42L) : Set.of(43L, 44L));
                        }
                    } catch (Throwable error) {
                        wrong.add(part + ": " + error);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        same(List.copyOf(wrong), List.of());
    }

    private static void nothingLeft() throws Exception {
        try (Connection connection = source.getConnection()) {
            ActingAs.call(LI, () -> ids(connection, IDS));
            // Still the same transaction, but nobody is acting any more.
            refused("PM101", () -> ids(connection, IDS));
            connection.rollback();
            ActingAs.call(LI, () -> ids(connection, IDS));
            connection.commit();
            refused("PM101", () -> ids(connection, IDS));
            connection.rollback();
        }
    }

    private static void readOnly() throws Exception {
        ActingAs.call(LI, () -> {
            try (Connection connection = source.getConnection()) {
                connection.setReadOnly(true);
                same(ids(connection, IDS), Set.of(41L, 42L));
                refused("25006", () -> update(connection, "UPDATE crm.customer SET name = 'x'"));
                connection.rollback();
            }
            return null;
        });
    }

    private static void second() throws Exception {
        try (Connection connection = source.getConnection()) {
            ActingAs.call(LI, () -> ids(connection, IDS));
            refused("PM103", () -> ActingAs.call(ZHAO, () -> ids(connection, IDS)));
            connection.rollback();
        }
    }

    private static void savepoint() throws Exception {
        try (Connection connection = source.getConnection()) {
            Savepoint mark = connection.setSavepoint();
            ActingAs.call(LI, () -> ids(connection, IDS));
            connection.rollback(mark);
            ActingAs.call(LI, () -> ids(connection, IDS));
            connection.rollback(mark);
            refused("PM101", () -> ids(connection, IDS));
            connection.rollback();
        }
    }

    private static void writing() throws Exception {
        ActingAs.call(LI, () -> {
            try (Connection connection = source.getConnection()) {
                try (PreparedStatement statement = connection.prepareStatement(
                        "UPDATE crm.customer SET phone = ?, occupation = ? WHERE id = 41")) {
                    for (String occupation : List.of("a", "b")) {
                        statement.setString(1, "139****2312");
                        statement.setString(2, occupation);
                        statement.addBatch();
                    }
                    same(statement.executeBatch().length, 2);
                }
                connection.commit();
                same(update(connection, "UPDATE crm.customer SET phone = '13952992312'"
                        + " WHERE id = 41 AND phone = '139****2312'"), 1);
                connection.commit();
            }
            return null;
        });
    }

    private static void failing() throws Exception {
        ActingAs.call(LI, () -> {
            try (Connection connection = source.getConnection()) {
                refused("22012", () -> ids(connection, "SELECT id / 0 FROM crm.customer"));
                refused("25P02", () -> ids(connection, IDS));
                connection.rollback();
                same(ids(connection, IDS), Set.of(41L, 42L));
                connection.commit();
            }
            return null;
        });
    }

    private static int update(Connection connection, String statement) throws SQLException {
        try (Statement made = connection.createStatement()) {
            return made.executeUpdate(statement);
        }
    }

    private static void held() throws Exception {
        try (Connection connection = source.getConnection()) {
            ActingAs.call(LI, () -> update(connection, HOLD));
            connection.commit();
            refused("34000", () ->
                    ActingAs.call(ZHAO, () -> ids(connection, "FETCH ALL FROM kept")));
            connection.rollback();
        }
    }

    private static void heldControl() throws Exception {
        try (Connection connection = source.getConnection()) {
            ActingAs.call(LI, () -> update(connection, HOLD));
            connection.unwrap(org.postgresql.PGConnection.class).getBackendPID();
            connection.unwrap(Connection.class).commit();
            same(ActingAs.call(ZHAO, () -> ids(connection, "FETCH ALL FROM kept")).size() > 0, true);
            connection.commit();
        }
    }

    private static void autocommit(DataSource eager) throws Exception {
        ActingAs.call(LI, () -> {
            try (Connection connection = eager.getConnection()) {
                refused("PM101", () -> ids(connection, IDS));
                connection.setAutoCommit(false);
                same(ids(connection, IDS), Set.of(41L, 42L));
                connection.commit();
                connection.setAutoCommit(true);
            }
            return null;
        });
        try (Connection connection = eager.getConnection()) {
            same(ids(connection, "SELECT 1"), Set.of(1L));
        }
    }

    private static void unprepared() throws Exception {
        ActingAs.call(LI, () -> {
            try (Connection connection = source.getConnection()) {
                for (int turn = 0; turn < 10; turn++) {
                    ids(connection, IDS);
                    connection.commit();
                }
                same(ids(connection, "SELECT count(*) FROM pg_prepared_statements"
                        + " WHERE statement LIKE '%pgmask.login%'"), Set.of(0L));
                connection.commit();
            }
            return null;
        });
    }
}
