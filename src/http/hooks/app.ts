/** `POST /hooks/SECRET`: webhooks of other registries. The secret is the caller's whole authority (`allowHook`). */
import { admitDelivery, admitPushes } from '../../access/hooks.ts'
import { type HintAnswer, type HintedRepository, hintAnswerSchema } from '../../api/hooks.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Hint, MirrorEngine } from '../../mirror/engine.ts'
import { parseDigestTag, type RepositoryName } from '../../oci/reference.ts'
import { namesUnderPrefix, parseUpstreamUrl } from '../../remote/upstream.ts'
import { allowHook, type Granted } from '../api/decide.ts'
import { errorResponse } from '../api/errors.ts'
import { HOOKS_PATH } from '../paths.ts'
import { pathOf } from '../target.ts'
import type { Delivery, Push } from './push.ts'
import { readDelivery } from './read.ts'

export interface HooksDeps {
  readonly db: Database
  readonly clock: Clock
  readonly mirrors: Pick<MirrorEngine, 'hint'>
  readonly logger: Logger
}

export interface HooksApp {
  /** @returns undefined where nothing is, as for any unknown path: no secret, a wrong one, and one of before are the same */
  fetch(request: Request): Promise<Response | undefined>
}

export function createHooksApp({ db, clock, mirrors, logger }: HooksDeps): HooksApp {
  async function deliver({ upstream }: Granted<{ readonly upstream: UpstreamRow }>, request: Request) {
    if (request.method !== 'POST')
      throw new AppError('UNSUPPORTED', `${request.method} is not supported here, want POST`)
    await admitDelivery(db, clock, upstream.id)
    const delivery = await readDelivery(request)
    await admitPushes(db, clock, upstream.id, delivery.pushes.length)
    const { hints, ignored } = hintsOf(delivery, upstream)
    const outcomes = await mirrors.hint(
      upstream.id,
      hints.map(({ hint }) => hint),
    )
    const isShared = upstream.organization_id === null
    const answer: HintAnswer = {
      upstream: upstream.name,
      format: delivery.format,
      repositories: hints.map(({ repository, hint }, i): HintedRepository => {
        const { mirrors: hinted, notStarted } = outcomes[i] ?? { mirrors: [], notStarted: [] }
        // Whose mirrors read a shared upstream is told to nobody.
        const told = isShared ? { mirrors: [], notStarted: [] } : { mirrors: [...hinted], notStarted: [...notStarted] }
        return { repository, tags: [...hint.tags], whole: hint.isWhole || hint.subjects.length > 0, ...told }
      }),
      ignored,
    }
    return Response.json(hintAnswerSchema.parse(answer), { status: 202, headers: { 'cache-control': 'no-store' } })
  }

  return {
    async fetch(request) {
      const secret = pathOf(request).slice(HOOKS_PATH.length + 1)
      try {
        const granted = await allowHook(db, secret)
        return granted === undefined ? undefined : await deliver(granted, request)
      } catch (error) {
        // The log must not have the secret.
        const { method, signal } = request
        const response = errorResponse(
          error,
          new Request(`http://localhost${HOOKS_PATH}/…`, { method, signal }),
          logger,
        )
        if (isAppError(error, 'UNSUPPORTED')) response.headers.set('allow', 'POST')
        // What is still to come of a body that is too large is not waited for.
        if (response.status === 413) response.headers.set('connection', 'close')
        return response
      }
    },
  }
}

/** The pushes of one delivery by repository, in the words of the upstream's mirrors. Exported for tests. */
export function hintsOf(
  delivery: Delivery,
  upstream: Pick<UpstreamRow, 'url'>,
): { readonly hints: { readonly repository: RepositoryName; readonly hint: Hint }[]; readonly ignored: string[] } {
  const address = parseUpstreamUrl(upstream.url)
  const ignored = [...delivery.ignored]
  const hints: { repository: RepositoryName; hint: Hint }[] = []
  for (const [name, pushes] of Map.groupBy(delivery.pushes, (push) => push.repository)) {
    const repositories = namesUnderPrefix(address, name)
    const repository = repositories.at(-1)
    if (repository === undefined) ignored.push(`${name} is not below /${address.prefix}, where this upstream begins`)
    else hints.push({ repository, hint: { repositories, ...whatOf(pushes) } })
  }
  return { hints, ignored }
}

function whatOf(pushes: readonly Push[]): Omit<Hint, 'repositories'> {
  const tags = new Set<Hint['tags'][number]>()
  const subjects = new Set<Hint['subjects'][number]>()
  let isWhole = false
  for (const { tag } of pushes) {
    const onDigest = tag === undefined ? undefined : parseDigestTag(tag)
    if (onDigest?.subject !== undefined) subjects.add(onDigest.subject)
    else if (tag === undefined || onDigest !== undefined) isWhole = true
    else tags.add(tag)
  }
  return { tags: [...tags], subjects: [...subjects], isWhole }
}
