/** All webhooks of an organization's repositories and of itself, and how they are. */
import { Button, Table, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { PlacedWebhook } from '../../api/webhooks.ts'
import { useRole } from '../api/organizations.ts'
import { useAllWebhooks } from '../api/webhooks.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useSpeech } from '../text/language.tsx'
import { DeliveryStatus } from './deliveries.tsx'
import { WebhookState } from './webhook-card.tsx'
import { WebhookDialog } from './webhook-dialog.tsx'
import { WebhookLink } from './webhook-link.tsx'
import { Webhooks } from './webhooks.tsx'
import type { WebhooksSearch } from './webhooks-search.ts'

const ROUTE = '/within/o/$organization/webhooks'

export function WebhooksPage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: ROUTE })
  const { q = '', webhook, delivery }: WebhooksSearch = useSearch({ from: ROUTE })
  const navigate = useNavigate({ from: '/o/$organization/webhooks' })
  const webhooks = useAllWebhooks(organization)
  const isOwner = useRole(organization) === 'owner'
  const [isCreating, creating] = useDisclosure()
  const open = (to: WebhooksSearch, isSmall = false) => void navigate({ search: to, replace: isSmall })
  if (webhook !== undefined) {
    return (
      <Page title={text.webhooks.title} lead={text.webhooks.ofOrganization(organization)}>
        <Webhooks
          place={organization}
          open={{ webhook, delivery }}
          onOpen={(to) =>
            open({
              ...(to.webhook === undefined ? {} : { webhook: to.webhook }),
              ...(to.delivery === undefined ? {} : { delivery: to.delivery }),
            })
          }
        />
      </Page>
    )
  }
  const all = webhooks.data?.items
  const found = all?.filter((one) => [one.name, one.url, one.repository ?? ''].some((part) => part.includes(q)))
  return (
    <Page
      title={text.webhooks.title}
      lead={text.webhooks.pageLead}
      action={isOwner ? <Button onClick={creating.open}>{text.webhooks.createOfOrganization}</Button> : undefined}
    >
      {isOwner ? null : <MayNot>{text.webhooks.createElsewhere}</MayNot>}
      <TextInput
        type="search"
        aria-label={text.common.search}
        placeholder={text.common.search}
        value={q}
        onChange={({ currentTarget: { value } }) => open(value === '' ? {} : { q: value }, true)}
        maw={360}
      />
      {webhooks.isError ? (
        <Failure error={webhooks.error} retry={() => void webhooks.refetch()} />
      ) : found === undefined ? (
        <Rows />
      ) : found.length === 0 ? (
        <Empty>{all?.length === 0 ? text.webhooks.emptyPage : text.catalog.empty}</Empty>
      ) : (
        <WebhookTable webhooks={found} />
      )}
      {isCreating ? <WebhookDialog place={organization} others={[]} onClose={creating.close} /> : null}
    </Page>
  )
}

function WebhookTable({ webhooks }: { readonly webhooks: readonly PlacedWebhook[] }) {
  const { text, language } = useSpeech()
  const { columns } = text.webhooks
  return (
    <LongTable
      items={webhooks}
      keyOf={(one) => one.id}
      head={
        <>
          <Table.Th>{text.webhooks.name}</Table.Th>
          <Table.Th>{columns.place}</Table.Th>
          <Table.Th>{text.webhooks.url}</Table.Th>
          <Table.Th>{columns.status}</Table.Th>
          <Table.Th ta="right">{columns.open}</Table.Th>
          <Table.Th ta="right">{columns.last}</Table.Th>
        </>
      }
      row={(one) => (
        <>
          <Table.Td>
            <WebhookLink place={one.repository ?? one.organization} webhook={one.name}>
              {one.name}
            </WebhookLink>
          </Table.Td>
          <Table.Td>
            {one.repository === null ? (
              <Text size="sm" c="dimmed">
                {one.repositories.join(' ')}
              </Text>
            ) : (
              repositoryPlace(one.repository)._splat
            )}
          </Table.Td>
          <Table.Td style={{ overflowWrap: 'anywhere' }}>{one.url}</Table.Td>
          <Table.Td>
            <WebhookState webhook={one} />
          </Table.Td>
          <Table.Td ta="right">{one.health.open === 0 ? '–' : number(one.health.open, language)}</Table.Td>
          <Table.Td ta="right">
            {one.health.last === null ? (
              '–'
            ) : (
              <>
                <DeliveryStatus status={one.health.last.status} /> <Time at={one.health.last.at} />
              </>
            )}
          </Table.Td>
        </>
      )}
    />
  )
}
