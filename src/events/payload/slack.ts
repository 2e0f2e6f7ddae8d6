/**
 * A message for people, in the form of Slack's incoming webhooks (Mattermost and others take it too). Whatever others have named stands
 * in code: there, nothing mentions anybody and nothing is a link.
 */
import type { HubPayload, ImageChanges } from '../../api/webhook-payload.ts'
import { clipped } from '../../lib/quoted.ts'

interface Text {
  readonly type: 'mrkdwn'
  readonly text: string
  /** No names, channels and addresses are looked for in it. */
  readonly verbatim: true
}

type Block =
  | { readonly type: 'section'; readonly text: Text }
  | { readonly type: 'context'; readonly elements: readonly Text[] }

export interface SlackMessage {
  /** For notifications, and for whoever shows no blocks. */
  readonly text: string
  readonly blocks: readonly Block[]
}

/** Slack takes 3000 characters in a section. */
const MAX_SECTION = 2800
const MAX_NAME = 150
const MAX_LISTED = 10
const SHORT_DIGEST = 'sha256:'.length + 12

export function slackMessage(data: HubPayload): SlackMessage {
  const title = titleOf(data)
  const lines = [...whereTo(data), ...changesOf(data), ...reasonOf(data)]
  const section = (text: string): Block => ({ type: 'section', text: mrkdwn(text) })
  const url = data.repository?.repo_url
  const place = url === undefined ? [] : [`<${escaped(url)}|Open the repository>`]
  return {
    text: title,
    blocks: [
      section(title),
      ...(lines.length === 0 ? [] : [section(fitting(lines))]),
      { type: 'context', elements: [mrkdwn([...place, `event ${code(data.kagami.eventId)}`].join(' · '))] },
    ],
  }
}

function titleOf({ kagami }: HubPayload): string {
  const { kind, repository, tag, tagsMovedWithTotal: others } = kagami
  const name = code(`${repository ?? kagami.organization}${tag === null ? '' : `:${tag}`}`)
  const target = code(String(kagami.details.target))
  const more = others === 0 ? '' : ` and ${others} other ${others === 1 ? 'tag' : 'tags'} with it`
  switch (kind) {
    case 'tag.moved':
      return `${name} ${kagami.previousDigest === null ? 'is new' : 'was updated'}${more}`
    case 'tag.pushed':
      return `${name} was pushed again, as it is`
    case 'mirror.synced':
      return `The mirror ${code(repository ?? kagami.organization)} has come in for the first time`
    case 'tag.restored':
      return `${name} was moved back${more}`
    case 'tag.removed':
      return `${name} was deleted${more}`
    case 'referrers.published':
      return `Attestations were added in ${name}`
    case 'mirror.paused':
      return `The mirror ${name} is paused`
    case 'mirror.degraded':
      return `The mirror ${name} fails`
    case 'mirror.recovered':
      return `The mirror ${name} works again`
    case 'replication.synced':
      return `${name} was sent on to ${target}`
    case 'replication.paused':
      return `The replication of ${name} to ${target} is paused`
    case 'replication.degraded':
      return `The replication of ${name} to ${target} fails`
    case 'replication.recovered':
      return `The replication of ${name} to ${target} works again`
    case 'replication.drifted':
      return `Tags of ${name} were changed by others at ${target}`
    case 'webhook.disabled':
      return `The webhook ${code(String(kagami.details.webhook))} of ${name} is disabled`
    default:
      return `${name}: ${code(kind)}`
  }
}

function whereTo({ kagami }: HubPayload): string[] {
  const { previousDigest, digest, platforms } = kagami
  const short = (digest: string) => code(digest.slice(0, SHORT_DIGEST))
  const moves =
    previousDigest === null && digest === null
      ? []
      : [
          `${previousDigest === null ? 'nothing' : short(previousDigest)} → ${digest === null ? 'nothing' : short(digest)}`,
        ]
  if (platforms.length === 0) return moves
  return [...moves, `Platforms: ${listed(platforms.map(({ platform }) => platform))}`]
}

/** The same change on several platforms is told once. */
function changesOf({ dhi_metadata }: HubPayload): string[] {
  const all = Object.values(dhi_metadata ?? {}).map(({ changes }) => changes)
  const over = <T>(of: (changes: ImageChanges) => readonly T[], key: (item: T) => string) => [
    ...new Map(all.flatMap((changes) => of(changes).map((item) => [key(item), item]))).values(),
  ]
  const fixed = over(
    (changes) => changes.vulnerabilities_fixed,
    (item) => item.cve_id,
  )
  const updated = over(
    (changes) => changes.packages_updated,
    (item) => `${item.name} ${item.old_version} → ${item.new_version}`,
  )
  const added = over(
    (changes) => changes.packages_added,
    (item) => `${item.name} ${item.version}`,
  )
  const removed = over(
    (changes) => changes.packages_removed,
    (item) => `${item.name} ${item.version}`,
  )
  const others = over(
    (changes) => [...changes.environment_variables_changed, ...changes.configuration_changed],
    (item) => item.key,
  )
  const count = (items: readonly unknown[], one: string, many: string) =>
    `*${items.length} ${items.length === 1 ? one : many}*`
  const line = (items: readonly string[], one: string, many: string) =>
    items.length === 0 ? [] : [`${count(items, one, many)}: ${listed(items)}`]
  return [
    ...line(
      fixed.map((item) => `${item.cve_id} (${item.severity}, ${item.package})`),
      'vulnerability fixed',
      'vulnerabilities fixed',
    ),
    ...line(
      updated.map((item) => `${item.name} ${item.old_version} → ${item.new_version}`),
      'package updated',
      'packages updated',
    ),
    ...line(
      added.map((item) => `${item.name} ${item.version}`),
      'package added',
      'packages added',
    ),
    ...line(
      removed.map((item) => `${item.name} ${item.version}`),
      'package removed',
      'packages removed',
    ),
    ...line(
      others.map(({ key }) => key),
      'setting changed',
      'settings changed',
    ),
  ]
}

function reasonOf({ kagami }: HubPayload): string[] {
  const { reason } = kagami.details
  return typeof reason === 'string' ? [`Why: ${code(reason)}`] : []
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, MAX_LISTED).map(code).join(', ')
  return items.length > MAX_LISTED ? `${shown} and ${items.length - MAX_LISTED} more` : shown
}

/** Whole lines, as many as fit. */
function fitting(lines: readonly string[]): string {
  let text = ''
  for (const line of lines) {
    const longer = text === '' ? line : `${text}\n${line}`
    if (longer.length > MAX_SECTION) return `${text}\n…`
    text = longer
  }
  return text
}

function mrkdwn(text: string): Text {
  return { type: 'mrkdwn', text, verbatim: true }
}

/** Text of others, as code: on one line, and nothing in it ends the code or begins a mention. */
function code(text: string): string {
  const plain = clipped(text, MAX_NAME)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ')
    .replaceAll('`', "'")
    .trim()
  return `\`${plain === '' ? ' ' : escaped(plain)}\``
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
