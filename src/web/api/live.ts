/** What others change is seen without asking: the server tells which nouns are old, and what is shown of them is read anew. */
import { type QueryClient, type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Change, ChangedNoun } from '../../api/changes.ts'
import { organizationPath } from './paths.ts'
import { pathWith } from './request.ts'

/** First words of the keys of queries that a noun's change makes old. One about a single repository has its name as the second. */
const QUERIES: Readonly<Record<ChangedNoun, readonly string[]>> = {
  tags: ['tags', 'history', 'moved'],
  mirrors: ['mirrors', 'mirror', 'freshness', 'subscriptions'],
  runs: ['activity', 'runs', 'mirrors', 'mirror', 'freshness'],
  repositories: ['repositories', 'repository', 'organizations', 'usage'],
  subscriptions: ['subscriptions', 'mirrors', 'troubles'],
  webhooks: ['webhooks', 'deliveries', 'troubles'],
}

/** Changes that come faster are one. */
const GATHER_MS = 1500
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
  const timers = { gather: undefined, hide: undefined, retry: undefined } as Record<string, Timer>
  const gathered = { nouns: new Set<ChangedNoun>(), repositories: new Set<string>() as Set<string> | undefined }

  const apply = () => {
    timers.gather = undefined
    const { nouns, repositories } = gathered
    void client.invalidateQueries({ predicate: ({ queryKey }) => isOld(queryKey, nouns, repositories) })
    gathered.nouns = new Set()
    gathered.repositories = new Set()
  }
  const take = ({ data, lastEventId }: MessageEvent<string>) => {
    last = lastEventId
    const { nouns, repositories } = JSON.parse(data) as Change
    for (const noun of nouns) gathered.nouns.add(noun)
    if (repositories === null) gathered.repositories = undefined
    else for (const name of repositories) gathered.repositories?.add(name)
    timers.gather ??= setTimeout(apply, GATHER_MS)
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
    close()
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
  const isOfRepository = typeof second === 'string' && second.includes('/')
  if (isOfRepository && repositories !== undefined && !repositories.has(second)) return false
  return [...nouns].some((noun) => QUERIES[noun].includes(String(first)))
}
