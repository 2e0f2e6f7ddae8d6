/** What a webhook has sent and is to send, newest first. */
import { Button, Table, Text } from '@mantine/core'
import { CheckIcon, ClockIcon, SyncIcon, XIcon } from '@primer/octicons-react'
import type { WebhookDelivery } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useDeliveries, type WebhookPlace, webhookPath } from '../api/webhooks.ts'
import { ImageLink } from '../images/image-link.tsx'
import { More } from '../shell/more.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { sayDelivery } from './say-delivery.ts'
import { WebhookLink } from './webhook-link.tsx'

const STATUSES = {
  pending: ['working', ClockIcon],
  delivered: ['good', CheckIcon],
  failed: ['held', SyncIcon],
  dead: ['broken', XIcon],
} as const

export function DeliveryStatus({ status }: { readonly status: WebhookDelivery['status'] }) {
  const { text } = useSpeech()
  return (
    <Status tone={STATUSES[status][0]} icon={STATUSES[status][1]}>
      {text.webhooks.statuses[status]}
    </Status>
  )
}

export function Deliveries(o: {
  readonly place: WebhookPlace
  readonly webhook: string
  readonly status?: WebhookDelivery['status'] | undefined
  /** Undefined: all, page by page. */
  readonly most?: number
}) {
  const { text } = useSpeech()
  const query = useDeliveries(o.place, o.webhook, o.status)
  const { columns } = text.webhooks
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />
  if (query.data === undefined) return <Rows count={2} />
  const all = query.data.pages.flatMap((page) => page.deliveries)
  const shown = o.most === undefined ? all : all.slice(0, o.most)
  if (shown.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {text.webhooks.noDeliveries}
      </Text>
    )
  }
  return (
    <>
      <Table.ScrollContainer minWidth={560}>
        <Table verticalSpacing={4} aria-label={`${text.webhooks.deliveries}: ${o.webhook}`}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{columns.event}</Table.Th>
              <Table.Th>{columns.tag}</Table.Th>
              <Table.Th>{columns.status}</Table.Th>
              <Table.Th>{columns.answer}</Table.Th>
              <Table.Th ta="right">{columns.at}</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((one) => (
              <Row key={one.id} place={o.place} webhook={o.webhook} delivery={one} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {o.most === undefined ? <More query={query} /> : null}
    </>
  )
}

function Row(o: { readonly place: WebhookPlace; readonly webhook: string; readonly delivery: WebhookDelivery }) {
  const { id, kind, tag, status, error, createdAt, attempts, nextAt } = o.delivery
  const { text, said } = useSpeech()
  return (
    <Table.Tr>
      <Table.Td>
        <WebhookLink place={o.place} webhook={o.webhook} delivery={id}>
          {kind}
        </WebhookLink>
      </Table.Td>
      <Table.Td>
        {tag === null || !o.place.includes('/') ? (tag ?? '–') : <ImageLink repository={o.place} reference={tag} />}
      </Table.Td>
      <Table.Td>
        <DeliveryStatus status={status} />
        {nextAt === null ? null : (
          <Text size="xs" c="dimmed">
            {text.webhooks.next} <Time at={nextAt} />
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {attempts.at(-1)?.status ?? '–'}
        {error === null ? null : (
          <Text size="xs" c="dimmed" lineClamp={2} maw={320}>
            {sayDelivery(o.delivery, said) ?? error}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Again place={o.place} webhook={o.webhook} id={id} />
      </Table.Td>
    </Table.Tr>
  )
}

export function Again(o: { readonly place: WebhookPlace; readonly webhook: string; readonly id: string }) {
  const { text } = useSpeech()
  const tell = useTell()
  const again = useChange(
    () => request('POST', webhookPath(o.place, o.webhook, '/redeliver'), { body: { delivery: o.id } }),
    () => tell(text.webhooks.sentAgain),
  )
  return (
    <>
      <Button size="compact-xs" variant="default" loading={again.isPending} onClick={() => again.mutate(undefined)}>
        {text.webhooks.again}
      </Button>
      {again.isError ? <Failure error={again.error} /> : null}
    </>
  )
}
