/** The library that keeps people's passwords and sessions, told to use our tables and to talk to nobody. */
import { betterAuth } from 'better-auth'
import { username } from 'better-auth/plugins/username'
import type { Database } from '../db/engine/engine.ts'
import { newId } from '../lib/ids.ts'
import type { Secret } from '../lib/secret.ts'
import { isUsername, MAX_ACCOUNT_NAME_LENGTH, PASSWORD_LENGTH } from '../oci/account-names.ts'

/** `transaction: true` makes it share the write connection; it must never be called inside `db.write`. */
export function createBetterAuth(db: Database, secret: Secret) {
  return betterAuth({
    database: { db: db.accounts, type: db.engine, transaction: true },
    secret: secret.reveal(),
    // Only its own routes need the address, and none is served yet.
    baseURL: 'http://localhost',
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    advanced: { database: { generateId: newId } },
    plugins: [
      username({
        minUsernameLength: 1,
        maxUsernameLength: MAX_ACCOUNT_NAME_LENGTH,
        usernameValidator: isUsername,
        schema: { user: { fields: { displayUsername: 'display_username' } } },
      }),
    ],
    user: {
      modelName: 'users',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    session: {
      modelName: 'sessions',
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    account: {
      modelName: 'accounts',
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    verification: {
      modelName: 'verifications',
      fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
  })
}
