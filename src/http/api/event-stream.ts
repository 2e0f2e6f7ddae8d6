/** Server-sent events (HTML standard, section 9.2), for browsers. */

/** One event; `id` is what the client sends as `Last-Event-ID` when it comes back. */
export interface ServerEvent {
  readonly id: string
  readonly event: string
  readonly data: unknown
}

/** How long a client waits before it comes back, in milliseconds. */
const RETRY_MS = 2000

export const EVENT_STREAM: StreamFormat<ServerEvent> = {
  contentType: 'text/event-stream',
  opening: `retry: ${RETRY_MS}\n\n`,
  // A comment.
  keepAlive: ':\n\n',
  render: ({ id, event, data }) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
}

/** How items become an answer that goes on. */
export interface StreamFormat<T> {
  readonly contentType: string
  /** Sent at once, for what may have no item for long: no head of an answer is sent before its first byte. */
  readonly opening: string
  readonly keepAlive: string
  render(item: T): string
}

export const JSON_LINES: StreamFormat<unknown> = {
  contentType: 'application/jsonl',
  opening: '',
  keepAlive: '\n',
  render: (item) => `${JSON.stringify(item)}\n`,
}

/** Whether the client asks for events rather than for lines. */
export function wantsEvents(accept: string | undefined): boolean {
  return (accept ?? '').split(',').some((range) => /^\s*text\/event-stream\s*(;|$)/i.test(range))
}
