/** `webhook listen`: a developer tries a receiver without a public address. */
import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { Webhook } from 'standardwebhooks'
import { EVENT_SEQ_HEADER, type ToldEvent, toldEventSchema } from '../api/told-events.ts'
import { hubPayloadSchema, payloadFormatSchema } from '../api/webhook-payload.ts'
import { isAppError } from '../errors.ts'
import { backoffMs, systemSleep } from '../lib/retry.ts'
import { explainFailure } from '../net/connection-failure.ts'
import { type ApiClient, repositoryPath, segment } from './client.ts'
import { type CommandLine, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'

interface ListenOptions {
  readonly json?: boolean
  readonly forward?: string
  readonly header?: readonly string[]
  readonly format: string
  readonly events?: readonly string[]
  readonly tags?: readonly string[]
  readonly after?: number
  readonly count?: number
}

/** Between two tries to come back to a server that was restarted. */
const BACKOFF = { firstMs: 500, factor: 2, maxMs: 10_000 }
const FORWARD_MS = 30_000

export function addWebhookListenCommand(webhook: Command, line: CommandLine): void {
  webhook
    .command('listen')
    .description('show events as they happen, as a webhook would tell them, until interrupted')
    .argument('<of>', 'a repository such as acme/dhi-python, or an organization')
    .option('--forward <url>', 'post each event there, signed by a secret that is made for this and printed')
    .option('--header <headers...>', "sent with it, as 'Name: value'")
    .addOption(
      new Option('--format <format>', 'what is posted and printed').choices(payloadFormatSchema.options).default('hub'),
    )
    .option('--events <kinds...>', 'these kinds only, such as tag.moved; default: all')
    .option('--tags <globs...>', 'these tags only, ! before a glob that leaves out; default: all')
    .option('--after <seq>', 'begin after this place in the log, not now', wholeNumber)
    .option('--count <n>', 'end after so many events', wholeNumber)
    .option('--json', 'print one JSON document a line, for each event')
    .action((of: string, o: ListenOptions) => listen(line, of, o))
}

async function listen(line: CommandLine, of: string, o: ListenOptions): Promise<void> {
  const forward = o.forward === undefined ? undefined : createForwarder(o.forward, headersOf(o.header ?? []))
  const client = await connect(line)
  const { terminal } = line
  if (forward !== undefined) terminal.note(`Signed with ${forward.secret}`)
  let seen = 0
  let refused = 0
  for await (const event of follow(line, client, of, o)) {
    const outcome = await forward?.send(event)
    if (outcome?.isTaken === false) refused++
    if (o.json === true) terminal.print(JSON.stringify({ ...event, forwarded: outcome?.text ?? null }))
    else terminal.print(`${summaryOf(event, o.format)}${outcome === undefined ? '' : `  → ${outcome.text}`}`)
    seen++
    if (seen === o.count) break
  }
  if (refused > 0) throw new ExitStatus(EXIT.failed)
}

/** Events to the end of the world: after a break it comes back, and goes on where it was. */
async function* follow(line: CommandLine, client: ApiClient, of: string, o: ListenOptions): AsyncGenerator<ToldEvent> {
  const path = of.includes('/') ? `/repositories/${repositoryPath(of)}/events` : `/organizations/${segment(of)}/events`
  const query = { format: o.format, events: o.events?.join(','), tags: o.tags?.join(',') }
  let { after } = o
  let breaks = 0
  // Whatever ends the answer, also before anything has happened: it goes on from where it began.
  const onHead = (headers: Headers) => {
    after ??= placeOf(headers.get(EVENT_SEQ_HEADER))
  }
  for (;;) {
    try {
      for await (const event of client.stream(path, toldEventSchema, { query: { ...query, after }, onHead })) {
        breaks = 0
        after = event.seq
        yield event
      }
    } catch (error) {
      // What was never there, and what the caller may not see, does not come back; neither does what was never reached.
      if (!isAppError(error, 'UNAVAILABLE') || after === undefined) throw error
      if (breaks === 0) line.terminal.note(`${error.message}; trying again`)
    }
    breaks++
    await systemSleep(backoffMs(breaks, BACKOFF, Math.random))
  }
}

interface Outcome {
  readonly isTaken: boolean
  readonly text: string
}

function createForwarder(url: string, more: Readonly<Record<string, string>>) {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`--forward: got ${JSON.stringify(url)}, want an http:// or https:// address`)
  }
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  const signer = new Webhook(secret)
  return {
    secret,
    async send(event: ToldEvent): Promise<Outcome> {
      const now = new Date()
      const signed = {
        'webhook-id': event.eventId,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': signer.sign(event.eventId, now, event.body),
      }
      try {
        const answer = await fetch(url, {
          method: 'POST',
          redirect: 'manual',
          headers: { ...more, ...event.headers, ...signed },
          body: event.body,
          signal: AbortSignal.timeout(FORWARD_MS),
        })
        await answer.body?.cancel()
        return { isTaken: answer.ok, text: `${answer.status} ${answer.statusText}`.trim() }
      } catch (error) {
        return { isTaken: false, text: explainFailure(error, new URL(url)).phrase }
      }
    },
  }
}

function headersOf(given: readonly string[]): Record<string, string> {
  const found = given.map((text) => {
    const match = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*([\x20-\x7e]*)$/.exec(text)
    if (match === null) throw new UsageError(`--header: got ${JSON.stringify(text)}, want 'Name: value'`)
    return [(match[1] ?? '').toLowerCase(), match[2] ?? '']
  })
  return Object.fromEntries(found) as Record<string, string>
}

/** One line: when, what, where from and to, and how much has changed. */
function summaryOf(event: ToldEvent, format: string): string {
  const about = `${event.repository ?? ''}${event.tag === null ? '' : `:${event.tag}`}`
  return [event.at, event.kind, about, ...(format === 'hub' ? changesOf(event.body) : [])]
    .filter((part) => part !== '')
    .join('  ')
}

function changesOf(body: string): string[] {
  const payload = hubPayloadSchema.safeParse(JSON.parse(body))
  if (!payload.success) return []
  const { kagami, dhi_metadata } = payload.data
  const short = (digest: string | null) => (digest === null ? 'nothing' : digest.slice(0, 'sha256:'.length + 12))
  const moved = kagami.tag === null ? [] : [`${short(kagami.previousDigest)} → ${short(kagami.digest)}`]
  const changes = Object.values(dhi_metadata ?? {}).map((entry) => entry.changes)
  const most = (of: (one: (typeof changes)[number]) => readonly unknown[]) =>
    Math.max(0, ...changes.map((one) => of(one).length))
  const fixed = most((one) => one.vulnerabilities_fixed)
  const packages = most((one) => [...one.packages_updated, ...one.packages_added, ...one.packages_removed])
  return [
    ...moved,
    ...(fixed === 0 ? [] : [`${fixed} ${fixed === 1 ? 'vulnerability' : 'vulnerabilities'} fixed`]),
    ...(packages === 0 ? [] : [`${packages} ${packages === 1 ? 'package' : 'packages'} changed`]),
  ]
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('want a whole number.')
  return Number(text)
}

function placeOf(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
