/** Registries that are written to, over the same network as those that are read: one budget for each registry and credential. */
import type { Budget } from '../api/rates.ts'
import { endpointOf } from '../catalog/connection.ts'
import { type CheckTarget, kindOf, SEALED_AS, type TargetToCheck } from '../catalog/targets.ts'
import { ratesOf } from '../catalog/upstream-rates.ts'
import { signInOf, targetRatesOf } from '../db/replication/targets.ts'
import type { TargetRow } from '../db/schema.ts'
import { createLeaseLock } from '../jobs/lease-lock.ts'
import type { LeaseOptions } from '../jobs/leases.ts'
import type { Lock } from '../lib/keyed-turns.ts'
import { systemSleep } from '../lib/retry.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Rates } from '../net/request-budget.ts'
import { checkRegistry } from '../remote/check-registry.ts'
import type { RegistryNetwork } from '../remote/network.ts'
import { findRegistryKind } from '../remote/registry-kind.ts'
import { traitsOf } from '../remote/registry-traits.ts'
import { openRemoteTarget } from '../remote/remote-target.ts'
import type { SignIns } from '../remote/sign-in/sign-in.ts'
import { asTargetError } from '../remote/target-errors.ts'
import { accountOf, parseUpstreamUrl, type UpstreamEndpoint } from '../remote/upstream.ts'
import type { ReplicationsOptions } from '../replication/engine.ts'
import { budgetView } from './budget-view.ts'
import { accountNames } from './shared-budgets.ts'

export interface Targets {
  readonly checkTarget: CheckTarget
  readonly openTarget: ReplicationsOptions['openTarget']
  readonly mountsCommittedOnly: ReplicationsOptions['mountsCommittedOnly']
  /** What its registry and login are asked for by this server. @param organizations whose waiting requests are told; undefined: all */
  budgetOfTarget(target: TargetRow, organizations: readonly string[] | undefined): Promise<Budget>
}

export interface TargetsOptions {
  /** That of the upstreams. */
  readonly network: RegistryNetwork
  readonly sealer: Sealer
  readonly signIns: SignIns
  /** For what several servers may write at the same time; undefined: there is one. */
  readonly lock: Lock | undefined
}

/** No organization's id. */
const OPERATOR = 'operator'

export function createTargets({ network, sealer, signIns, lock }: TargetsOptions): Targets {
  /** With the API of its cloud, where it is signed in to by one. */
  const openAt = (target: TargetToCheck, isFresh = false) => {
    const { password, username, ...endpoint } = endpointOf(sealer, SEALED_AS, target)
    const given = username === undefined || password === undefined ? undefined : { username, password }
    const signIn = signInOf(target)
    if (signIn.by === 'password') return { endpoint: given === undefined ? endpoint : { ...endpoint, ...given } }
    const wanted = {
      ...{ signIn, kind: kindOf(target), endpoint, given, isFresh },
      sealedPassword: target.sealed_password,
      isShared: target.organization_id === null,
    }
    return { endpoint: { ...endpoint, login: signIns.loginOf(wanted) }, api: signIns.apiOf(wanted) }
  }
  const endpointAt = (target: TargetToCheck, isFresh?: boolean): UpstreamEndpoint => openAt(target, isFresh).endpoint
  const budgetAt = async (target: TargetToCheck) => {
    const endpoint = endpointAt(target)
    return network.budgets.of(await accountOf(parseUpstreamUrl(endpoint.url), endpoint))
  }
  return {
    async budgetOfTarget(target, organizations) {
      return budgetView(await budgetAt(target), organizations)
    },
    openTarget(target, repository, { organization, memory, priority }) {
      const own = { ...network, organization, priority, rates: ratesOfTarget(target), about: repository }
      const { endpoint, api } = openAt(target)
      return openRemoteTarget(own, endpoint, repository, { kind: kindOf(target), memory, lock, api })
    },
    mountsCommittedOnly: (target) => traitsOf(kindOf(target)).mounts === 'committed',
    async checkTarget(target, signal) {
      const within = { http: network.http, organization: target.organization_id ?? OPERATOR }
      const onAnswered = async () => (await budgetAt(target)).endPause()
      try {
        const endpoint = endpointAt(target, true)
        const findings = await checkRegistry(within, endpoint, { signal, onAnswered })
        return { ...findings, kind: await findRegistryKind(network, endpoint, { signal }) }
      } catch (error) {
        throw asTargetError(error)
      }
    },
  }
}

/** What people set binds the target that they set it for; otherwise what its registry documents is counted for all who share the login. */
function ratesOfTarget(target: TargetToCheck): Rates {
  return ratesOf({ ...target, has_own_rate: targetRatesOf(target).length > 0 ? 1 : 0 })
}

/** Over all servers of the database. What is locked is named by accounts, whose names do not go into the database (`shared-budgets.ts`). */
export function targetLock({ sealer, ...o }: Omit<LeaseOptions, 'key'> & { readonly sealer: Sealer }): Lock {
  const nameOf = accountNames(sealer)
  const lock = createLeaseLock({ ...o, name: 'targets', sleep: systemSleep })
  return (key, work) => lock(nameOf(key), work)
}
