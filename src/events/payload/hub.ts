/** The body that Docker Hub posts, field by field and in its units, so that receivers written for it work unchanged. */
import type { HubPayload } from '../../api/webhook-payload.ts'
import { type DeliveredEvent, tagWords } from './event.ts'
import { type DeliveryFacts, type RepositoryFacts, repositoryUrl } from './facts.ts'
import { kagamiObject } from './kagami-object.ts'

export function hubPayload(event: DeliveredEvent, facts: DeliveryFacts): HubPayload {
  const push = pushData(event, facts)
  const { repository, metadata } = facts
  return {
    callback_url: facts.callbackUrl ?? '',
    ...(push === undefined ? {} : { push_data: push }),
    ...(repository === undefined ? {} : { repository: repositoryData(repository, event, facts) }),
    ...(metadata.size === 0 ? {} : { dhi_metadata: Object.fromEntries(metadata) }),
    kagami: kagamiObject(event, facts),
  }
}

/** What makes a tag point somewhere, or stands for many that do; the test of a webhook is like the push that it stands for. */
const PUSHES: ReadonlySet<string> = new Set([
  'tag.moved',
  'tag.pushed',
  'tag.restored',
  'mirror.synced',
  'webhook.test',
])

/** Undefined unless a tag was pushed or moved: whoever deploys what was pushed must not take a deletion for a push. */
function pushData(event: DeliveredEvent, facts: DeliveryFacts): HubPayload['push_data'] {
  const { tag } = tagWords(event)
  if (!PUSHES.has(event.kind) || tag === undefined) return undefined
  return {
    images: [],
    media_type: facts.image?.mediaType ?? '',
    pushed_at: unixSeconds(event.at),
    pusher: pusherOf(event.actor),
    tag,
  }
}

function repositoryData(
  repository: RepositoryFacts,
  event: DeliveredEvent,
  { publicUrl }: DeliveryFacts,
): NonNullable<HubPayload['repository']> {
  const slash = repository.name.indexOf('/')
  const namespace = repository.name.slice(0, slash)
  return {
    comment_count: 0,
    date_created: unixSeconds(repository.createdAt ?? event.at),
    description: repository.description,
    dockerfile: '',
    full_description: repository.description,
    is_official: false,
    is_private: repository.isPrivate,
    is_trusted: false,
    name: repository.name.slice(slash + 1),
    namespace,
    owner: namespace,
    repo_name: repository.name,
    repo_url: repositoryUrl(publicUrl, repository.name),
    star_count: 0,
    status: repository.isArchived ? 'Archived' : 'Active',
  }
}

/** The name of a person; of what moved the tag by itself, its kind: `mirror`. */
function pusherOf(actor: string): string {
  return actor.startsWith('user:') ? actor.slice('user:'.length) : (actor.split(':', 1)[0] ?? '')
}

/** Whole seconds since 1970. */
function unixSeconds(time: string): number {
  return Math.floor(Date.parse(time) / 1000)
}
