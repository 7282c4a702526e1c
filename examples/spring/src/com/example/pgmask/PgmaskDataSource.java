package com.example.pgmask;

import java.io.PrintWriter;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.SQLNonTransientException;
import java.sql.Statement;
import java.util.function.Supplier;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.postgresql.PGStatement;

/**
 * Around a pool: the first statement of each transaction logs in whoever is acting.
 *
 * <p>Every transaction begins with one {@code SELECT pgmask.login(?)}, which pgjdbc sends in one
 * message with BEGIN. The identity ends with the transaction, so nothing of it stays on a
 * connection that goes back to the pool or to PgBouncer; COMMIT carries CLOSE ALL, for a cursor
 * WITH HOLD would stay. Where nobody is acting nothing is sent and PostgreSQL answers PM101.
 *
 * <p>The pool hands out connections with autocommit off ({@code HikariConfig.setAutoCommit(false)}):
 * in autocommit a login would be over before the statement it is for, so it is refused.
 * {@code connectionInitSql} cannot do this: it runs once per connection and knows no person.
 */
public final class PgmaskDataSource implements DataSource {
    private static final String LOGIN = "SELECT pgmask.login(?)";
    private static final String LOGOUT = "SELECT pg_catalog.set_config('pgmask.token', '', true)";
    private static final String COMMIT = "CLOSE ALL; COMMIT";

    private final DataSource pool;
    private final Issuer issuer;
    private final String login;
    private final String database;
    private final Supplier<Actor> acting;

    /**
     * @param pool HikariCP or another one, with autocommit off
     * @param issuer the application's key
     * @param login the application's login, as PostgreSQL knows it
     * @param database the database's name there, whatever a pooler calls it
     * @param acting who is acting now, or null: {@code ActingAs::current}
     */
    public PgmaskDataSource(
            DataSource pool, Issuer issuer, String login, String database,
            Supplier<Actor> acting) {
        this.pool = pool;
        this.issuer = issuer;
        this.login = login;
        this.database = database;
        this.acting = acting;
    }

    @Override
    public Connection getConnection() throws SQLException {
        return proxy(Connection.class, new Session(pool.getConnection()));
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        throw new SQLFeatureNotSupportedException("the assertion is for the pool's own login");
    }

    /** One borrowed connection. Not for two threads at once, as no Connection is. */
    private final class Session implements InvocationHandler {
        private final Connection real;
        private Actor loggedIn;
        private boolean sure = true;

        Session(Connection real) {
            this.real = real;
        }

        @Override
        public Object invoke(Object self, Method method, Object[] args) throws Throwable {
            switch (method.getName()) {
                case "createStatement":
                case "prepareStatement":
                case "prepareCall":
                    Object made = call(real, method, args);
                    return proxy(statementType(method), (s, m, a) -> onStatement(self, made, m, a));
                case "commit":
                    if (loggedIn != null) {
                        commit();
                    }
                    forget();
                    break;
                case "rollback":
                    // To a savepoint: a login after it is undone, one before it is not.
                    if (args == null) {
                        forget();
                    } else {
                        sure = false;
                    }
                    break;
                case "setAutoCommit":
                case "close":
                case "abort":
                    forget();
                    break;
                default:
                    break;
            }
            return call(real, method, args);
        }

        private Object onStatement(Object self, Object statement, Method method, Object[] args)
                throws Throwable {
            if (method.getName().startsWith("execute")) {
                logIn();
            } else if (method.getName().equals("getConnection")) {
                return self;
            }
            return call(statement, method, args);
        }

        private void logIn() throws SQLException {
            Actor actor = acting.get();
            if (actor == null ? loggedIn == null && sure : actor.equals(loggedIn) && sure) {
                return;
            }
            if (real.getAutoCommit()) {
                throw new SQLNonTransientException(
                        "pgmask: in autocommit there is no transaction that could be somebody's;"
                                + " set autoCommit=false on the pool, or @Transactional",
                        "PM101");
            }
            try (PreparedStatement send = real.prepareStatement(actor == null ? LOGOUT : LOGIN)) {
                // Never a named statement: injected SQL could put another one in its place.
                send.unwrap(PGStatement.class).setPrepareThreshold(0);
                if (actor != null) {
                    send.setString(1, issuer.assertion(actor, login, database));
                }
                send.execute();
            }
            loggedIn = actor;
            sure = true;
        }

        private void commit() throws SQLException {
            try (Statement send = real.createStatement()) {
                send.execute(COMMIT);
            }
        }

        private void forget() {
            loggedIn = null;
            sure = true;
        }
    }

    private static Class<?> statementType(Method method) {
        return switch (method.getName()) {
            case "prepareStatement" -> PreparedStatement.class;
            case "prepareCall" -> CallableStatement.class;
            default -> Statement.class;
        };
    }

    @SuppressWarnings("unchecked")
    private static <T> T proxy(Class<?> type, InvocationHandler handler) {
        return (T) Proxy.newProxyInstance(
                PgmaskDataSource.class.getClassLoader(), new Class<?>[] {type}, handler);
    }

    private static Object call(Object target, Method method, Object[] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    @Override
    public PrintWriter getLogWriter() throws SQLException {
        return pool.getLogWriter();
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        pool.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        pool.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return pool.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        return pool.getParentLogger();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        return type.isInstance(this) ? type.cast(this) : pool.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return type.isInstance(this) || pool.isWrapperFor(type);
    }
}
