/** Whole catalogs that are mirrored. */
import { Button, Group, Stack, Table, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ApiError } from '../api/request.ts'
import { useSubscriptions } from '../api/subscriptions.ts'
import { useManagesMirrors } from '../api/use-manages-mirrors.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { SubscribeDialog } from './subscribe-dialog.tsx'
import { SubscriptionState, takes } from './subscription-parts.tsx'
import { SubscriptionView } from './subscription-view.tsx'

export function SubscriptionsSection(o: {
  readonly organization: string
  /** The one that is looked at, by its id. */
  readonly of: string | undefined
  readonly lookAt: (id: string | undefined) => Promise<void>
}) {
  const { text, language } = useSpeech()
  const subscriptions = useSubscriptions(o.organization)
  const mayManage = useManagesMirrors(o.organization) === true
  const [isOpen, dialog] = useDisclosure()
  if (subscriptions.error instanceof ApiError && subscriptions.error.status === 403) {
    return <MayNot>{text.subscriptions.mayNotSee}</MayNot>
  }
  if (subscriptions.isError) {
    return <Failure error={subscriptions.error} retry={() => void subscriptions.refetch()} />
  }
  if (subscriptions.data === undefined) return <Rows count={3} />
  if (o.of !== undefined) {
    return (
      <SubscriptionView
        organization={o.organization}
        id={o.of}
        mayManage={mayManage}
        onBack={() => void o.lookAt(undefined)}
      />
    )
  }
  const { columns } = text.subscriptions
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Text c="dimmed" size="sm">
          {text.subscriptions.lead}
        </Text>
        {mayManage ? <Button onClick={dialog.open}>{text.subscriptions.create}</Button> : null}
      </Group>
      {mayManage ? null : <MayNot>{text.subscriptions.mayNot}</MayNot>}
      {subscriptions.data.length === 0 ? (
        <Teach command={`kagami mirror start UPSTREAM --all --org ${o.organization}`}>{text.subscriptions.empty}</Teach>
      ) : (
        <LongTable
          items={subscriptions.data}
          keyOf={({ id }) => id}
          head={
            <>
              <Table.Th>{columns.upstream}</Table.Th>
              <Table.Th>{columns.takes}</Table.Th>
              <Table.Th>{columns.state}</Table.Th>
              <Table.Th ta="right">{columns.mirrors}</Table.Th>
              <Table.Th ta="right">{columns.read}</Table.Th>
            </>
          }
          row={(one) => (
            <>
              <Table.Td>
                <UnstyledButton className="name" fz="sm" onClick={() => void o.lookAt(one.id)}>
                  {one.upstream}
                </UnstyledButton>
              </Table.Td>
              <Table.Td>{takes(one, text)}</Table.Td>
              <Table.Td>
                <SubscriptionState state={one.state} />
              </Table.Td>
              <Table.Td ta="right">{number(one.mirrors, language)}</Table.Td>
              <Table.Td ta="right">{one.readAt === null ? text.common.never : <Time at={one.readAt} />}</Table.Td>
            </>
          )}
        />
      )}
      {isOpen ? (
        <SubscribeDialog organization={o.organization} onClose={dialog.close} onDone={(id) => void o.lookAt(id)} />
      ) : null}
    </Stack>
  )
}
