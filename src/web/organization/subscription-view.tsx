/** One subscription: how it is, and what became of each entry of the catalog. */
import { Anchor, Button, Checkbox, Group, Select, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ArrowLeftIcon } from '@primer/octicons-react'
import { useState } from 'react'
import type { Subscription, SubscriptionEntryState } from '../../api/subscriptions.ts'
import { useChange } from '../api/client.ts'
import { ApiError, request } from '../api/request.ts'
import { subscriptionPath, useSubscription, useSubscriptionEntries } from '../api/subscriptions.ts'
import { number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { Command, Failure, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Said } from '../shell/said.tsx'
import { sayCode } from '../shell/say.ts'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { SubscriptionDialog } from './subscription-dialog.tsx'
import { EntryState, SubscriptionState, takes } from './subscription-parts.tsx'

export function SubscriptionView(o: {
  readonly organization: string
  readonly id: string
  readonly mayManage: boolean
  readonly onBack: () => void
}) {
  const { text, said, language } = useSpeech()
  const found = useSubscription(o.organization, o.id)
  if (found.error instanceof ApiError && found.error.status === 404) {
    return (
      <Stack align="flex-start">
        <Text>{text.subscriptions.absent}</Text>
        <Button variant="default" onClick={o.onBack}>
          {text.subscriptions.back}
        </Button>
      </Stack>
    )
  }
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows count={4} />
  const subscription = found.data
  const { columns } = text.subscriptions
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div>
          <Anchor component="button" type="button" size="sm" onClick={o.onBack}>
            <Group gap={4} component="span">
              <ArrowLeftIcon aria-hidden="true" />
              {text.subscriptions.back}
            </Group>
          </Anchor>
          <Group gap="xs">
            <Title order={2} size="h4">
              {subscription.upstream}
            </Title>
            <SubscriptionState state={subscription.state} />
          </Group>
          {subscription.reason === null ? null : (
            <Said
              words={
                subscription.cause === null
                  ? said?.subscriptions.entries(number(subscription.entries.failed, language))
                  : said?.subscriptions[subscription.cause]
              }
              message={subscription.reason}
            />
          )}
        </div>
        {o.mayManage ? <Actions subscription={subscription} /> : null}
      </Group>
      <Section title={takes(subscription, text)}>
        <Facts
          facts={[
            [columns.mirrors, number(subscription.mirrors, language)],
            ...(subscription.listed === null
              ? []
              : [[text.subscriptions.listed, number(subscription.listed, language)] as const]),
            [
              columns.read,
              subscription.readAt === null ? text.common.never : <Time key="read" at={subscription.readAt} />,
            ],
            ...(subscription.nextReadAt === null
              ? []
              : [[text.subscriptions.next, <Time key="next" at={subscription.nextReadAt} />] as const]),
          ]}
        />
        {subscription.remedy === null ? null : (
          <>
            <Text size="sm">{text.subscriptions.remedy}</Text>
            <Command line={`kagami ${subscription.remedy}`} />
          </>
        )}
      </Section>
      <Entries organization={o.organization} subscription={subscription} />
    </Stack>
  )
}

function Actions({ subscription }: { readonly subscription: Subscription }) {
  const { text, language } = useSpeech()
  const tell = useTell()
  const { organization, id, upstream, state, mirrors } = subscription
  const turn = useChange((verb: 'sync' | 'pause' | 'resume') =>
    request('POST', subscriptionPath(organization, id, `/${verb}`), verb === 'sync' ? { body: {} } : {}),
  )
  const [withMirrors, setWithMirrors] = useState(false)
  const stop = useChange(() =>
    request('POST', subscriptionPath(organization, id, '/stop'), { body: { mirrors: withMirrors } }),
  )
  const [isOpen, dialog] = useDisclosure()
  const [isChanging, change] = useDisclosure()
  if (state === 'stopped') return null
  const isPaused = state === 'paused'
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        {isPaused ? null : (
          <Button
            variant="default"
            onClick={() => turn.mutate('sync', { onSuccess: () => tell(text.subscriptions.synced) })}
          >
            {text.subscriptions.sync}
          </Button>
        )}
        <Button variant="default" onClick={() => turn.mutate(isPaused ? 'resume' : 'pause')}>
          {isPaused ? text.subscriptions.resume : text.subscriptions.pause}
        </Button>
        <Button variant="default" onClick={change.open}>
          {text.subscriptions.change}
        </Button>
        <Button variant="default" onClick={dialog.open}>
          {text.subscriptions.stop}
        </Button>
      </Group>
      {turn.isError ? <Failure error={turn.error} /> : null}
      {isChanging ? <SubscriptionDialog subscription={subscription} onClose={change.close} /> : null}
      {isOpen ? (
        <Confirm
          title={text.subscriptions.stopTitle(upstream)}
          action={text.subscriptions.stop}
          change={stop}
          onClose={dialog.close}
        >
          <Text ta="left">{text.subscriptions.stopLead}</Text>
          <Checkbox
            label={text.subscriptions.stopMirrors(number(mirrors, language))}
            checked={withMirrors}
            onChange={(event) => setWithMirrors(event.currentTarget.checked)}
          />
        </Confirm>
      ) : null}
    </Stack>
  )
}

function Entries({
  organization,
  subscription,
}: {
  readonly organization: string
  readonly subscription: Subscription
}) {
  const { text, said, language } = useSpeech()
  const [state, setState] = useState<SubscriptionEntryState>()
  const entries = useSubscriptionEntries(organization, subscription.id, state)
  const { entry } = text.subscriptions
  const counted = Object.entries(text.subscriptions.entryStates).map(([value, label]) => ({
    value,
    label: `${label} (${number(subscription.entries[value as SubscriptionEntryState], language)})`,
  }))
  return (
    <Section
      title={text.subscriptions.entries}
      action={
        <Select
          aria-label={entry.state}
          data={[{ value: '', label: text.subscriptions.all }, ...counted]}
          value={state ?? ''}
          onChange={(chosen) => setState(chosen ? (chosen as SubscriptionEntryState) : undefined)}
          allowDeselect={false}
        />
      }
    >
      {entries.isError ? (
        <Failure error={entries.error} retry={() => void entries.refetch()} />
      ) : entries.data === undefined ? (
        <Rows count={3} />
      ) : entries.data.items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.subscriptions.noEntries}
        </Text>
      ) : (
        <LongTable
          items={entries.data.items}
          keyOf={({ repository }) => repository}
          head={
            <>
              <Table.Th>{entry.repository}</Table.Th>
              <Table.Th>{entry.state}</Table.Th>
              <Table.Th>{entry.mirror}</Table.Th>
              <Table.Th>{entry.reason}</Table.Th>
            </>
          }
          row={(one) => (
            <>
              <Table.Td>{one.repository}</Table.Td>
              <Table.Td>
                <EntryState state={one.state} />
              </Table.Td>
              <Table.Td>
                {one.mirror === null ? null : <RepositoryLink name={one.mirror} tab="mirror" isShort />}
              </Table.Td>
              <Table.Td>
                {one.code === null && said !== undefined ? null : (
                  <Said words={one.code === null ? undefined : sayCode(one.code, said)} message={one.reason} />
                )}
              </Table.Td>
            </>
          )}
        />
      )}
    </Section>
  )
}
