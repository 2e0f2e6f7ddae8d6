/** One delivery: what came of it, attempt by attempt, with what was sent and what was answered. */
import { Button, Code, Group, Stack, Text } from '@mantine/core'
import { ArrowLeftIcon } from '@primer/octicons-react'
import type { WebhookAttempt, WebhookDelivery } from '../../api/webhooks.ts'
import { useDelivery, type WebhookPlace } from '../api/webhooks.ts'
import { number } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { Again, DeliveryStatus } from './deliveries.tsx'
import { sayAttempt, sayDelivery } from './say-delivery.ts'

interface Props {
  readonly place: WebhookPlace
  readonly webhook: string
  readonly id: string
}

export function DeliveryDetail(o: Props & { readonly onBack: () => void }) {
  const delivery = useDelivery(o.place, o.webhook, o.id)
  return (
    <Stack>
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<ArrowLeftIcon size={14} aria-hidden="true" />}
          onClick={o.onBack}
        >
          {o.webhook}
        </Button>
      </Group>
      {delivery.isError ? (
        <Failure error={delivery.error} retry={() => void delivery.refetch()} />
      ) : delivery.data === undefined ? (
        <Rows count={4} />
      ) : (
        <Delivery {...o} delivery={delivery.data} />
      )}
    </Stack>
  )
}

function Delivery({ delivery, ...o }: Props & { readonly delivery: WebhookDelivery }) {
  const { text, said } = useSpeech()
  const { callback } = delivery
  return (
    <>
      <Section
        title={
          <Group gap="sm">
            {delivery.kind}
            <DeliveryStatus status={delivery.status} />
          </Group>
        }
        lead={
          delivery.error === null ? undefined : <Said words={sayDelivery(delivery, said)} message={delivery.error} />
        }
        action={<Again {...o} />}
      >
        <Facts
          cols={{ base: 1, sm: 2, lg: 4 }}
          facts={[
            [text.webhooks.columns.tag, delivery.tag ?? '–'],
            [text.webhooks.columns.at, <Time key="at" at={delivery.createdAt} />],
            ['webhook-id', <Code key="id">{delivery.id}</Code>],
            [text.webhooks.event, <Code key="event">{delivery.eventId}</Code>],
            ...(delivery.nextAt === null
              ? []
              : [[text.webhooks.next, <Time key="next" at={delivery.nextAt} />] as const]),
            ...(callback === null
              ? []
              : [[text.webhooks.receiverSaid, [callback.state, callback.description ?? ''].join(' ')] as const]),
          ]}
        />
      </Section>
      {delivery.attempts.length === 0 ? <Text c="dimmed">{text.webhooks.noAttempts}</Text> : null}
      {delivery.attempts
        .map((attempt, index) => <Attempt key={attempt.at} attempt={attempt} number={index + 1} />)
        .reverse()}
    </>
  )
}

function Attempt({ attempt, number: place }: { readonly attempt: WebhookAttempt; readonly number: number }) {
  const { text, said, language } = useSpeech()
  const isTaken = attempt.error === null
  const headers = (all: Readonly<Record<string, string>>) =>
    Object.entries(all)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')
  return (
    <Section
      title={
        <Group gap="sm">
          {text.webhooks.attempt(String(place))}
          <Status tone={isTaken ? 'good' : 'broken'}>{String(attempt.status ?? text.webhooks.noAnswer)}</Status>
        </Group>
      }
      lead={
        <>
          <Time at={attempt.at} /> · {`${number(attempt.durationMs, language)} ms`}
        </>
      }
    >
      {attempt.error === null ? null : <Said words={sayAttempt(attempt, said)} message={attempt.error} />}
      <Part title={text.webhooks.requestHeaders} content={headers(attempt.requestHeaders)} />
      <Part title={text.webhooks.answerHeaders} content={headers(attempt.answerHeaders)} />
      <Part title={text.webhooks.answerBody} content={attempt.answer} />
    </Section>
  )
}

function Part({ title, content }: { readonly title: string; readonly content: string }) {
  if (content === '') return null
  return (
    <div>
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      <Code block style={{ overflowX: 'auto' }} tabIndex={0}>
        {content}
      </Code>
    </div>
  )
}
