/** All users of the server. */
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { CheckIcon, CircleSlashIcon, ShieldLockIcon } from '@primer/octicons-react'
import { type FormEvent, useState } from 'react'
import type { UserAccount, UserCreated } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { useUsers } from '../api/operator.ts'
import { request } from '../api/request.ts'
import { number } from '../format/sizes.ts'
import { textOf } from '../organization/form-text.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { MadePassword } from './made-password.tsx'
import { UserActions } from './user-actions.tsx'

export function UsersTab({ wanted, onWant }: { readonly wanted: string; readonly onWant: (text: string) => void }) {
  const { text, language } = useSpeech()
  const users = useUsers()
  const [isOpen, dialog] = useDisclosure()
  const found = users.data?.items.filter(({ username, displayName, email }) =>
    [username, displayName, email ?? ''].some((one) => one.toLowerCase().includes(wanted.toLowerCase())),
  )
  const { userColumns: columns } = text.operator
  return (
    <Stack>
      <Group justify="space-between">
        <TextInput
          type="search"
          aria-label={text.operator.findUser}
          placeholder={text.operator.findUser}
          value={wanted}
          onChange={(event) => onWant(event.currentTarget.value)}
          maw={360}
        />
        <Button onClick={dialog.open}>{text.operator.createUser}</Button>
      </Group>
      {users.data?.isWhole === false ? (
        <Text size="sm">{text.common.incomplete(number(users.data.items.length, language))}</Text>
      ) : null}
      {users.isError ? (
        <Failure error={users.error} retry={() => void users.refetch()} />
      ) : found === undefined ? (
        <Rows />
      ) : found.length === 0 ? (
        <Empty>{text.operator.noUser}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={({ id }) => id}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.state}</Table.Th>
              <Table.Th ta="right">{columns.organizations}</Table.Th>
              <Table.Th>{columns.twoFactor}</Table.Th>
              <Table.Th ta="right">{columns.seen}</Table.Th>
              <Table.Th ta="right">{columns.made}</Table.Th>
              <Table.Th />
            </>
          }
          row={(user) => <UserCells user={user} />}
        />
      )}
      {isOpen ? <CreateDialog onClose={dialog.close} /> : null}
    </Stack>
  )
}

function UserCells({ user }: { readonly user: UserAccount }) {
  const { text, language } = useSpeech()
  const { username, displayName, email, operator, twoFactor, disabledAt, organizations, createdAt, lastSeenAt } = user
  const more = [...(displayName === username ? [] : [displayName]), ...(email === null ? [] : [email])].join(' · ')
  return (
    <>
      <Table.Td>
        <Text size="sm" fw={500}>
          {username}
        </Text>
        {more === '' ? null : (
          <Text size="xs" c="dimmed">
            {more}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Group gap={4}>
          {disabledAt === null ? (
            <Status tone="good" icon={CheckIcon}>
              {text.operator.states.active}
            </Status>
          ) : (
            <Status tone="held" icon={CircleSlashIcon}>
              {text.operator.states.disabled}
            </Status>
          )}
          {operator ? (
            <Status tone="working" icon={ShieldLockIcon}>
              {text.operator.states.operator}
            </Status>
          ) : null}
        </Group>
      </Table.Td>
      <Table.Td ta="right">{number(organizations, language)}</Table.Td>
      <Table.Td>{twoFactor ? text.operator.on : text.operator.off}</Table.Td>
      <Table.Td ta="right">{lastSeenAt === null ? text.common.never : <Time at={lastSeenAt} />}</Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        <UserActions user={user} />
      </Table.Td>
    </>
  )
}

function CreateDialog({ onClose }: { readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [made, setMade] = useState<UserCreated>()
  const create = useChange(
    (username: string) => request<UserCreated>('POST', '/users', { body: { username } }),
    setMade,
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    create.mutate(textOf(new FormData(event.currentTarget), 'username'))
  }
  return (
    <Dialog title={text.operator.createUser} onClose={onClose}>
      {made === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput name="username" label={text.operator.username} required autoComplete="off" data-autofocus />
            {create.isError ? <Failure error={create.error} /> : null}
            <DialogButtons action={text.operator.create} isPending={create.isPending} onCancel={onClose} />
          </Stack>
        </form>
      ) : (
        <MadePassword made={made} onClose={onClose} />
      )}
    </Dialog>
  )
}
