import type { Database } from '../db/engine/engine.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { type Authenticator, createAuthenticator } from './authenticate.ts'
import { type BearerSigner, createBearerSigner, createBearerVerifier, SERVICE } from './bearer.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { createSetup, type Setup } from './setup.ts'
import { openSigningKey } from './signing-key.ts'
import { createTwoFactor, type TwoFactor } from './two-factor.ts'

export interface AccessParts {
  readonly accounts: Accounts
  readonly authenticator: Authenticator
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
  return {
    accounts,
    twoFactor,
    setup: createSetup({ db, clock, sealer, accounts }),
    authenticator: createAuthenticator({
      db,
      accounts,
      twoFactor,
      verifyBearer,
      clock,
      guessKey: sealer.derive('login guesses'),
    }),
    signBearer: createBearerSigner(key, clock),
    refusals: createRefusals(db, clock),
  }
}
