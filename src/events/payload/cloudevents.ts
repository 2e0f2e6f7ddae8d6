/** CloudEvents 1.0, in both modes of its HTTP binding; `data` is the body of format `hub`. */
import type { HubPayload } from '../../api/webhook-payload.ts'
import { type DeliveredEvent, isToldByTag, tagWords } from './event.ts'
import { type Delivery, type DeliveryFacts, repositoryUrl } from './facts.ts'

/** Attributes by name. `sequence` and `sequencetype` are the documented extension: texts, though they are numbers. */
function attributes(event: DeliveredEvent, facts: DeliveryFacts): Record<string, string> {
  const { tag, to = facts.to } = tagWords(event)
  const digest = to ?? facts.from
  const subject = tag === undefined ? digest : digest === undefined ? tag : `${tag}@${digest}`
  return {
    specversion: '1.0',
    // Section 3.1.1: with the source it names one event, and one of ours may be told of several tags.
    id: tag !== undefined && isToldByTag(event.kind) ? `${event.id}/${tag}` : event.id,
    source: sourceOf(facts),
    type: `kagami.${event.kind}`,
    time: event.at,
    ...(subject === undefined ? {} : { subject }),
    datacontenttype: 'application/json',
    sequence: String(event.seq),
    sequencetype: 'Integer',
  }
}

function sourceOf({ publicUrl, organization, repository }: DeliveryFacts): string {
  return repository === undefined
    ? `${publicUrl}/api/v1/organizations/${encodeURIComponent(organization)}`
    : repositoryUrl(publicUrl, repository.name)
}

export function structured(event: DeliveredEvent, facts: DeliveryFacts, data: HubPayload): Delivery {
  return {
    headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    body: JSON.stringify({ ...attributes(event, facts), data }),
  }
}

export function binary(event: DeliveredEvent, facts: DeliveryFacts, data: HubPayload): Delivery {
  const { datacontenttype, ...others } = attributes(event, facts)
  const headers = Object.entries(others).map(([name, value]): [string, string] => [`ce-${name}`, headerValue(value)])
  return {
    headers: { 'content-type': datacontenttype ?? '', ...Object.fromEntries(headers) },
    body: JSON.stringify(data),
  }
}

/** HTTP binding 3.1.3.2: space, double quote, percent and all that is not printable ASCII, percent-encoded. */
function headerValue(text: string): string {
  return text.replace(/[^\x21-\x7e]|["%]/gu, (found) =>
    [...new TextEncoder().encode(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
