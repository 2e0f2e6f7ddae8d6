// What Kagami sends, another Kagami takes as a push hint: one mirrors the other.
import { expect, test } from 'bun:test'
import { renderDelivery } from '../../../src/events/payload/render.ts'
import { understand } from '../../../src/http/hooks/read.ts'
import { madeEvent, madeFacts, NEW } from './made-facts.ts'

const facts = madeFacts()

test.each(['hub', 'cloudevents', 'cloudevents-binary'] as const)(
  'a moved tag as %s is a push with its digest',
  (format) => {
    const { body, headers } = renderDelivery(madeEvent(), facts, format)
    const { pushes, ignored } = understand(JSON.parse(body), new Headers(headers))
    expect([pushes, ignored]).toEqual([[{ repository: 'acme/app', tag: '1.0', digest: NEW }], []] as never)
  },
)

test.each(['hub', 'cloudevents', 'cloudevents-binary'] as const)(
  'a deleted tag as %s is understood, and no push',
  (format) => {
    const event = madeEvent({
      kind: 'tag.removed',
      payload: { repository: 'acme/app', tag: '1.0', from: NEW, to: null },
    })
    const { body, headers } = renderDelivery(event, madeFacts({ image: undefined }), format)
    const { pushes, ignored } = understand(JSON.parse(body), new Headers(headers))
    expect([pushes, ignored]).toEqual([[], ['"tag.removed" is no push']])
  },
)
