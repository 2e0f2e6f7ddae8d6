/** Targets of the files: what is to be done about them. Pure. */
import type { Target, TargetField } from '../../api/targets.ts'
import { segment } from '../client.ts'
import type { Wanted, WantedState, WantedTarget } from './files.ts'
import type { Call, PlanOptions, Step } from './plan.ts'

type Named = { readonly organization: string | null; readonly name: string }

export function targetKey({ organization, name }: Named): string {
  return `target ${organization ?? ''}/${name}`
}

/** All of a target but its name, as the API takes a change: what the file leaves out has its default. */
export function targetBody(config: WantedTarget) {
  const { url, kind, signIn, username, password, ca, plainHttp, maxRate } = config
  return {
    url,
    kind: kind ?? null,
    signIn: signIn ?? { by: 'password' as const },
    username,
    password: password ?? null,
    ca: ca ?? null,
    plainHttp: plainHttp ?? false,
    maxRate: maxRate ?? null,
  }
}

/** @param changes by key: what the server finds another than wanted, of targets that are there */
export function planTarget(
  one: Wanted<WantedTarget>,
  present: readonly Target[],
  changes: ReadonlyMap<string, readonly TargetField[]>,
  { check }: Pick<PlanOptions, 'check'>,
): Step {
  const { organization, name, config, place } = one
  const key = targetKey(one)
  const where = `${place.file}:${place.line}`
  const base = { kind: 'target' as const, organization, name, key, where, needs: [] }
  const body = targetBody(config)
  if (!present.some((there) => targetKey(there) === key)) {
    const { password, ca, kind, ...rest } = body
    const optional = { password: password ?? undefined, ca: ca ?? undefined, kind: kind ?? undefined }
    const call: Call = { method: 'POST', path: '/targets', body: { ...rest, ...optional, name, organization, check } }
    return { ...base, action: 'create', reason: `writes to ${config.url}`, calls: [call] }
  }
  const others = changes.get(key) ?? []
  if (others.length === 0) return { ...base, action: 'unchanged', reason: 'is as the file says', calls: [] }
  const call: Call = {
    method: 'PATCH',
    path: `/targets/${segment(name)}`,
    query: { organization: organization ?? undefined },
    body: { ...body, check },
  }
  return { ...base, action: 'change', reason: `other ${others.join(', ')}`, calls: [call] }
}

/** Targets of the files' organizations that the files do not have; the server keeps one that a replication writes to. */
export function unmanagedTargets(wanted: WantedState, present: readonly Target[]): Step[] {
  const keys = new Set(wanted.targets.map(targetKey))
  return present.flatMap((target): Step[] => {
    const { organization, name } = target
    const key = targetKey(target)
    if (organization === null || !wanted.organizations.includes(organization) || keys.has(key)) return []
    const calls = [{ method: 'DELETE' as const, path: `/targets/${segment(name)}`, query: { organization } }]
    const reason = 'in no file; what was sent there stays'
    return [{ kind: 'target', action: 'remove', organization, name, reason, where: null, key, needs: [], calls }]
  })
}
