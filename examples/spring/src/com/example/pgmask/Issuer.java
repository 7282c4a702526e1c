package com.example.pgmask;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The application's issuer: signs who is acting, as a JSON Web Token (RFC 7519) under HS256. */
public final class Issuer {
    private static final int TTL_SECONDS = 60;
    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final String name;
    private final String keyId;
    private final SecretKeySpec secret;

    private Issuer(String name, String keyId, byte[] secret) {
        this.name = name;
        this.keyId = keyId;
        this.secret = new SecretKeySpec(secret, "HmacSHA256");
    }

    /** The key of a file that {@code pgmask issuer add --out} wrote: one line, issuer, key, secret. */
    public static Issuer read(Path file) throws IOException {
        String[] parts = Files.readString(file).strip().split("\\s+");
        if (parts.length != 3 || !parts[2].matches("[0-9a-f]{64}")) {
            throw new IOException(file + ": not an issuer's key");
        }
        return new Issuer(parts[0], parts[1], HexFormat.of().parseHex(parts[2]));
    }

    /** A fresh assertion. Always a bind parameter: a literal stands in pg_stat_activity. */
    public String assertion(Actor actor, String login, String database) {
        double now = System.currentTimeMillis() / 1000.0;
        StringBuilder claims = new StringBuilder("{\"iss\":").append(quoted(name));
        if (actor.service() != null) {
            claims.append(",\"service\":").append(quoted(actor.service()));
        } else {
            claims.append(",\"sub\":\"").append(actor.person()).append('"');
            claims.append(",\"profile\":").append(quoted(actor.profile()));
            claims.append(",\"unit\":").append(quoted(actor.unit()));
        }
        claims.append(",\"login\":").append(quoted(login));
        claims.append(",\"database\":").append(quoted(database));
        claims.append(",\"iat\":").append(seconds(now));
        claims.append(",\"exp\":").append(seconds(now + TTL_SECONDS));
        if (actor.purpose() != null) {
            claims.append(",\"purpose\":").append(quoted(actor.purpose()));
        }
        Instant factor = actor.secondFactorAt();
        if (factor != null) {
            claims.append(",\"second_factor_at\":").append(seconds(factor.toEpochMilli() / 1000.0));
        }
        String header = "{\"alg\":\"HS256\",\"kid\":" + quoted(keyId) + ",\"typ\":\"JWT\"}";
        String signed = encoded(header) + "." + encoded(claims.append('}').toString());
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(secret);
            byte[] tag = mac.doFinal(signed.getBytes(StandardCharsets.US_ASCII));
            return signed + "." + BASE64.encodeToString(tag);
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException("this Java has no HmacSHA256", error);
        }
    }

    @Override
    public String toString() {
        return "Issuer[" + name + ", " + keyId + "]";
    }

    private static String encoded(String json) {
        return BASE64.encodeToString(json.getBytes(StandardCharsets.UTF_8));
    }

    private static String seconds(double value) {
        return String.format(java.util.Locale.ROOT, "%.3f", value);
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
