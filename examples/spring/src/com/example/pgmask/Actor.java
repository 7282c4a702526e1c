package com.example.pgmask;

import java.time.Instant;
import java.util.Objects;

/**
 * A person in a profile and a unit, or a registered service.
 *
 * @param person the number in the register; null for a service
 * @param profile as what the person acts
 * @param unit for which unit
 * @param service a service of the register, which brings person, profile and unit with it
 * @param purpose why, at most 200 characters; may be null
 * @param secondFactorAt when the second factor was last given; may be null
 */
public record Actor(
        Long person, String profile, String unit, String service, String purpose,
        Instant secondFactorAt) {

    public Actor {
        boolean whole = person != null && profile != null && unit != null;
        boolean none = person == null && profile == null && unit == null;
        if (service == null ? !whole : !none) {
            throw new IllegalArgumentException(
                    "an actor is a person with profile and unit, or a service alone");
        }
    }

    public static Actor person(long person, String profile, String unit) {
        return new Actor(person, Objects.requireNonNull(profile), unit, null, null, null);
    }

    public static Actor service(String name) {
        return new Actor(null, null, null, name, null, null);
    }
}
