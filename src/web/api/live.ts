/** What others change is seen without asking: the server tells which nouns are old, and what is shown of them is read anew. */
import { type QueryClient, type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Change, ChangedNoun } from '../../api/changes.ts'
import type { ImagePlace } from './images.ts'
import { organizationPath } from './paths.ts'
import { pathWith } from './request.ts'

/**
 * First words of the keys of queries that a noun's change makes old. One about a single repository has its name as the second, one about
 * an image its place.
 */
const QUERIES: Readonly<Record<ChangedNoun, readonly string[]>> = {
  tags: [
    'tags',
    'history',
    'moved',
    'image',
    'packages',
    'vulnerabilities',
    'attached',
    'comparison',
    'found',
    'names',
    'explain',
    'deliveries',
  ],
  mirrors: ['mirrors', 'mirror', 'explain', 'freshness', 'subscriptions', 'catalog', 'catalog-entry', 'deliveries'],
  runs: ['activity', 'runs', 'mirrors', 'mirror', 'freshness'],
  repositories: ['repositories', 'repository', 'organizations', 'usage', 'names', 'deliveries'],
  subscriptions: ['subscriptions', 'mirrors', 'troubles'],
  replications: ['replications'],
  webhooks: ['webhooks', 'deliveries', 'delivery', 'troubles'],
}

/** Changes that come faster are one. */
const GATHER_MS = 1500
/** Long to read, and changed by each of many runs: what is seen of it may be a little older. */
const SELDOM: ReadonlySet<unknown> = new Set(['catalog', 'organizations', 'usage', 'found'])
const GATHER_SELDOM_MS = 15_000
/** A page that nobody looks at lets its connection go: browsers have few for a host. */
const HIDDEN_MS = 20_000
/** After a refusal, which a browser takes for the end. */
const REFUSED_MS = 60_000

/** Follows an organization's changes for as long as the page is looked at. @param organization undefined: none */
export function useLive(organization: string | undefined): void {
  const client = useQueryClient()
  useEffect(() => (organization === undefined ? undefined : follow(organization, client)), [organization, client])
}

/** @returns ends it */
function follow(organization: string, client: QueryClient): () => void {
  let source: EventSource | undefined
  let last: string | undefined
  let isBroken = false
  const timers = { hide: undefined, retry: undefined } as Record<string, Timer>
  const gatherings = [
    gather(client, GATHER_MS, (key) => !SELDOM.has(key[0])),
    gather(client, GATHER_SELDOM_MS, (key) => SELDOM.has(key[0])),
  ]

  const take = ({ data, lastEventId }: MessageEvent<string>) => {
    last = lastEventId
    for (const { add } of gatherings) add(JSON.parse(data) as Change)
  }
  const open = () => {
    if (source !== undefined) return
    source = new EventSource(pathWith(organizationPath(organization, '/changes'), { after: last }))
    source.addEventListener('change', take)
    source.addEventListener('open', () => {
      // Ends of runs while nobody listened are told to nobody.
      if (isBroken) void client.invalidateQueries({ predicate: ({ queryKey }) => isOld(queryKey, ALL, undefined) })
      isBroken = false
    })
    source.addEventListener('error', () => {
      isBroken = true
      if (source?.readyState !== EventSource.CLOSED) return
      close()
      timers.retry = setTimeout(open, REFUSED_MS)
    })
  }
  const close = () => {
    source?.close()
    source = undefined
    clearTimeout(timers.retry)
  }
  const look = () => {
    clearTimeout(timers.hide)
    if (document.visibilityState === 'visible') return open()
    timers.hide = setTimeout(() => {
      isBroken = true
      close()
    }, HIDDEN_MS)
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    document.removeEventListener('visibilitychange', look)
    for (const timer of Object.values(timers)) clearTimeout(timer)
    for (const { end } of gatherings) end()
    close()
  }
}

/** Makes queries old, some time after the first change of them. */
function gather(client: QueryClient, ms: number, isMine: (key: QueryKey) => boolean) {
  let timer: Timer
  let nouns = new Set<ChangedNoun>()
  let repositories: Set<string> | undefined = new Set()
  const apply = () => {
    const old = { nouns, repositories }
    timer = undefined
    nouns = new Set()
    repositories = new Set()
    void client.invalidateQueries({
      predicate: ({ queryKey }) => isMine(queryKey) && isOld(queryKey, old.nouns, old.repositories),
    })
  }
  return {
    add(change: Change) {
      for (const noun of change.nouns) nouns.add(noun)
      if (change.repositories === null) repositories = undefined
      else for (const name of change.repositories) repositories?.add(name)
      timer ??= setTimeout(apply, ms)
    },
    end: () => clearTimeout(timer),
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined

const ALL: ReadonlySet<ChangedNoun> = new Set(Object.keys(QUERIES) as ChangedNoun[])

/** @param repositories undefined: any */
function isOld(
  [first, second]: QueryKey,
  nouns: ReadonlySet<ChangedNoun>,
  repositories: ReadonlySet<string> | undefined,
): boolean {
  const repository = repositoryOf(second)
  if (repository !== undefined && repositories !== undefined && !repositories.has(repository)) return false
  return [...nouns].some((noun) => QUERIES[noun].includes(String(first)))
}

/** Undefined: it is about more than one. */
function repositoryOf(key: unknown): string | undefined {
  if (typeof key === 'string') return key.includes('/') ? key : undefined
  return typeof key === 'object' && key !== null ? (key as Partial<ImagePlace>).repository : undefined
}
