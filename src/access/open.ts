import type { Database } from '../db/engine/engine.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { createAuthenticator } from './authenticate.ts'
import { type BearerSigner, createBearerSigner, createBearerVerifier, SERVICE } from './bearer.ts'
import { createLoginLimit } from './login-limit.ts'
import { createPasswordCheck, type PasswordCheck } from './password-check.ts'
import { type Authenticator, createPrompts } from './prompts.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { createSetup, type Setup } from './setup.ts'
import { openSigningKey } from './signing-key.ts'
import { createTwoFactor, type TwoFactor } from './two-factor.ts'

export interface AccessParts {
  readonly accounts: Accounts
  readonly authenticator: Authenticator
  /** By which its logins are checked. */
  readonly checkPassword: PasswordCheck
  readonly twoFactor: TwoFactor
  /** For whom there is no owner yet. */
  readonly setup: Setup
  readonly signBearer: BearerSigner
  /** To be closed before the database. */
  readonly refusals: Refusals
}

/** Puts the parts together over one database; makes the key that signs bearer tokens at the first start. */
export async function openAccess(db: Database, sealer: Sealer, clock: Clock): Promise<AccessParts> {
  const accounts = createAccounts(db)
  const twoFactor = createTwoFactor({ db, clock, sealer })
  const key = await openSigningKey(db, sealer)
  const verifyBearer = createBearerVerifier({ keys: [key], issuer: SERVICE, audience: SERVICE, clock })
  const limit = createLoginLimit({ db, clock, key: sealer.derive('login guesses') })
  const checkPassword = createPasswordCheck({ accounts, limit })
  const requests = createAuthenticator({ db, checkPassword, twoFactor, verifyBearer, clock })
  return {
    accounts,
    twoFactor,
    setup: createSetup({ db, clock, sealer, accounts }),
    authenticator: createPrompts({ requests, accounts, twoFactor, limit }),
    checkPassword,
    signBearer: createBearerSigner(key, clock),
    refusals: createRefusals(db, clock),
  }
}
