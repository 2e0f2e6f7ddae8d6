/** What the address of the list of mirrors says: what is looked for, and how it is sorted. */
import type { Mirror } from '../../api/mirrors.ts'

const SORTS = ['repository', 'source', 'state', 'tags', 'freshness'] as const
export type MirrorSort = (typeof SORTS)[number]

const STATES = [
  'initial',
  'active',
  'syncing',
  'degraded',
  'paused',
  'stopped',
] as const satisfies readonly Mirror['state'][]

export interface MirrorsSearch {
  readonly q?: string
  readonly state?: Mirror['state']
  /** `tags`, or `-tags` for the other way round. */
  readonly sort?: string
}

export function parseMirrorsSearch({ q, state, sort }: Readonly<Record<string, unknown>>): MirrorsSearch {
  const known = STATES.find((one) => one === state)
  return {
    ...(typeof q === 'string' && q !== '' ? { q } : {}),
    ...(known === undefined ? {} : { state: known }),
    ...(SORTS.some((one) => sort === one || sort === `-${one}`) ? { sort: sort as string } : {}),
  }
}

const source = (one: Mirror) => `${one.source.upstream}/${one.source.repository}`
const share = ({ tags }: Mirror) => (tags.total === 0 ? 1 : tags.published / tags.total)

const compare: Readonly<Record<MirrorSort, (a: Mirror, b: Mirror) => number>> = {
  repository: () => 0,
  source: (a, b) => byText(source(a), source(b)),
  state: (a, b) => URGENCY[a.state] - URGENCY[b.state],
  tags: (a, b) => share(a) - share(b),
  freshness: (a, b) => byText(a.freshness.checkedAt ?? '', b.freshness.checkedAt ?? ''),
}

/** What wants a look comes first. */
const URGENCY: Readonly<Record<Mirror['state'], number>> = {
  degraded: 0,
  paused: 1,
  initial: 2,
  syncing: 3,
  active: 4,
  stopped: 5,
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function foundMirrors(all: readonly Mirror[], { q = '', state, sort = 'repository' }: MirrorsSearch): Mirror[] {
  const by = sort.replace(/^-/, '') as MirrorSort
  const words = q.toLowerCase()
  const found = all
    .filter((one) => state === undefined || one.state === state)
    .filter((one) => one.repository.includes(words) || source(one).includes(words))
    .toSorted((a, b) => compare[by](a, b) || byText(a.repository, b.repository))
  return sort.startsWith('-') ? found.reverse() : found
}
