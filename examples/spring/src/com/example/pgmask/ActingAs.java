package com.example.pgmask;

import java.util.concurrent.Callable;

/** Who is acting in this thread; a request filter or a job sets it around its work. */
public final class ActingAs {
    private static final ThreadLocal<Actor> CURRENT = new ThreadLocal<>();

    private ActingAs() {}

    /** Who is acting; null: nobody. Work handed to another thread begins with nobody. */
    public static Actor current() {
        return CURRENT.get();
    }

    /** Runs the work as the actor (null: as nobody), and puts back who was acting before. */
    public static <T> T call(Actor actor, Callable<T> work) throws Exception {
        Actor before = CURRENT.get();
        CURRENT.set(actor);
        try {
            return work.call();
        } finally {
            if (before == null) {
                CURRENT.remove();
            } else {
                CURRENT.set(before);
            }
        }
    }
}
