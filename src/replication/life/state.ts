/** Why a replication is paused, and how that ends: the states themselves are those of mirrors. */
import type { ReplicationPauseCause } from '../../db/schema.ts'
import type { Pause } from '../../mirror/life/state.ts'

/** In the order in which they are shown when there are several. `ID`, `TARGET` and `ORG` stand for the names. */
export const REPLICATION_PAUSES: Readonly<Record<ReplicationPauseCause, Pause>> = {
  public: {
    reason: 'everybody may read the target, and what is private here stays private',
    endsWhen: 'the repository at the target is private again',
    remedy: 'replication sync REPLICATION --wait',
    isProbed: true,
  },
  hand: {
    reason: 'paused by hand',
    endsWhen: 'it is resumed by hand',
    remedy: 'replication resume REPLICATION',
    isProbed: false,
  },
  credentials: {
    reason: 'the target refuses the login',
    endsWhen: 'the target takes the login',
    remedy: 'target change TARGET --org ORG --username USER --password-stdin',
    isProbed: true,
  },
  gone: {
    reason: 'the target does not have the repository, and does not make it',
    endsWhen: 'the repository is there',
    remedy: 'replication sync REPLICATION --wait',
    isProbed: true,
  },
}
