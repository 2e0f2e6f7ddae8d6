/** The webhooks of a repository, and what became of what they sent. */
import { Button, Card, Group, Stack, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { AlertIcon, CheckIcon, ClockIcon, SyncIcon, XIcon } from '@primer/octicons-react'
import type { Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { repositoryPath } from '../api/paths.ts'
import { ApiError, request } from '../api/request.ts'
import { useDeliveries, useWebhooks } from '../api/webhooks.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { CreateDialog } from './create-dialog.tsx'

export function WebhooksTab({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const webhooks = useWebhooks(name)
  const [isCreating, creating] = useDisclosure()
  if (webhooks.error instanceof ApiError && webhooks.error.status === 403) return <Empty>{text.webhooks.mayNot}</Empty>
  if (webhooks.isError) return <Failure error={webhooks.error} retry={() => void webhooks.refetch()} />
  if (webhooks.data === undefined) return <Rows count={3} />
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed">{text.webhooks.lead}</Text>
        <Button onClick={creating.open}>{text.webhooks.create}</Button>
      </Group>
      {webhooks.data.length === 0 ? <Empty>{text.webhooks.empty}</Empty> : null}
      {webhooks.data.map((webhook) => (
        <WebhookCard key={webhook.id} repository={name} webhook={webhook} />
      ))}
      {isCreating ? <CreateDialog repository={name} onClose={creating.close} /> : null}
    </Stack>
  )
}

function pathOf(repository: string, webhook: string): string {
  return `/repositories/${repositoryPath(repository)}/webhooks/${encodeURIComponent(webhook)}`
}

function WebhookCard({ repository, webhook }: { readonly repository: string; readonly webhook: Webhook }) {
  const { text } = useSpeech()
  const tell = useTell()
  const test = useChange(
    () => request('POST', `${pathOf(repository, webhook.name)}/test`),
    () => tell(text.webhooks.tested),
  )
  const [isRemoving, removing] = useDisclosure()
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <div>
            <Group gap="xs">
              <Text fw={600}>{webhook.name}</Text>
              <Status tone={webhook.enabled ? 'good' : 'held'} icon={webhook.enabled ? CheckIcon : AlertIcon}>
                {webhook.enabled ? text.webhooks.enabled : text.webhooks.disabled}
              </Status>
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {webhook.url}
            </Text>
            {webhook.disabledReason === null ? null : <Text size="sm">{webhook.disabledReason}</Text>}
          </div>
          <Group gap="xs">
            <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>
              {text.webhooks.test}
            </Button>
            <Button variant="default" onClick={removing.open}>
              {text.webhooks.remove}
            </Button>
          </Group>
        </Group>
        {test.isError ? <Failure error={test.error} /> : null}
        <Deliveries repository={repository} webhook={webhook.name} />
      </Stack>
      {isRemoving ? <RemoveDialog repository={repository} name={webhook.name} onClose={removing.close} /> : null}
    </Card>
  )
}

function Deliveries({ repository, webhook }: { readonly repository: string; readonly webhook: string }) {
  const { text } = useSpeech()
  const deliveries = useDeliveries(repository, webhook)
  const { columns } = text.webhooks
  if (deliveries.isError) return <Failure error={deliveries.error} />
  if (deliveries.data === undefined) return <Rows count={2} />
  if (deliveries.data.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {text.webhooks.noDeliveries}
      </Text>
    )
  }
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table verticalSpacing={4} aria-label={`${text.webhooks.deliveries}: ${webhook}`}>
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
          {deliveries.data.map((one) => (
            <DeliveryRow key={one.id} repository={repository} webhook={webhook} delivery={one} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

const STATUSES = {
  pending: ['working', ClockIcon],
  delivered: ['good', CheckIcon],
  failed: ['held', SyncIcon],
  dead: ['broken', XIcon],
} as const

function DeliveryRow(o: { readonly repository: string; readonly webhook: string; readonly delivery: WebhookDelivery }) {
  const { text } = useSpeech()
  const { id, kind, tag, status, error, createdAt, attempts } = o.delivery
  const tell = useTell()
  const again = useChange(
    () => request('POST', `${pathOf(o.repository, o.webhook)}/redeliver`, { body: { delivery: id } }),
    () => tell(text.webhooks.sentAgain),
  )
  const last = attempts.at(-1)
  return (
    <Table.Tr>
      <Table.Td>{kind}</Table.Td>
      <Table.Td>{tag ?? '–'}</Table.Td>
      <Table.Td>
        <Status tone={STATUSES[status][0]} icon={STATUSES[status][1]}>
          {text.webhooks.statuses[status]}
        </Status>
      </Table.Td>
      <Table.Td>
        {last?.status ?? '–'}
        {error === null ? null : (
          <Text size="xs" c="dimmed" lineClamp={2} maw={320}>
            {error}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Button size="compact-xs" variant="default" loading={again.isPending} onClick={() => again.mutate()}>
          {text.webhooks.again}
        </Button>
      </Table.Td>
    </Table.Tr>
  )
}

function RemoveDialog(o: { readonly repository: string; readonly name: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const remove = useChange(() => request('DELETE', pathOf(o.repository, o.name)))
  return (
    <Confirm
      title={text.webhooks.removeTitle(o.name)}
      action={text.webhooks.remove}
      change={remove}
      onClose={o.onClose}
    >
      {text.webhooks.removeLead}
    </Confirm>
  )
}
