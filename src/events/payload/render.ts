/** From an event and its facts to what is posted. Pure. */
import type { PayloadFormat } from '../../api/webhook-payload.ts'
import { binary, structured } from './cloudevents.ts'
import type { DeliveredEvent } from './event.ts'
import type { Delivery, DeliveryFacts } from './facts.ts'
import { hubPayload } from './hub.ts'
import { slackMessage } from './slack.ts'

export function renderDelivery(event: DeliveredEvent, facts: DeliveryFacts, format: PayloadFormat): Delivery {
  const data = hubPayload(event, facts)
  switch (format) {
    case 'hub':
      return { body: JSON.stringify(data), headers: { 'content-type': 'application/json' } }
    case 'cloudevents':
      return structured(event, facts, data)
    case 'cloudevents-binary':
      return binary(event, facts, data)
    case 'slack':
      return { body: JSON.stringify(slackMessage(data)), headers: { 'content-type': 'application/json' } }
  }
}
