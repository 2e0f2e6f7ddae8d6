/** What operators do with a user; nothing of it with themselves. */
import { ActionIcon, Checkbox, Menu, Stack, Text } from '@mantine/core'
import { KebabHorizontalIcon } from '@primer/octicons-react'
import { type FormEvent, useState } from 'react'
import type { UserAccount, UserCreated } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { userPath } from '../api/operator.ts'
import { useProfile } from '../api/profile.ts'
import { request } from '../api/request.ts'
import { Confirm, Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { MadePassword } from './made-password.tsx'

export function UserActions({ user }: { readonly user: UserAccount }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { username, operator, disabledAt } = user
  const isSelf = useProfile().data?.username === username
  const [asked, setAsked] = useState<'reset' | 'disable' | 'operator'>()
  const close = () => setAsked(undefined)
  const stand = useChange(
    (body: { readonly operator?: boolean; readonly disabled?: boolean }) =>
      request('PATCH', userPath(username), { body }),
    () => tell(text.operator.changed),
  )
  const standing = (body: { readonly operator?: boolean; readonly disabled?: boolean }) => ({
    isPending: stand.isPending,
    error: stand.error,
    mutate: (_: undefined, then: { onSuccess: () => void }) => stand.mutate(body, then),
  })
  if (isSelf) return null
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={text.operator.actionsFor(username)}>
            <KebabHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setAsked('reset')}>{text.operator.reset}</Menu.Item>
          {operator ? (
            <Menu.Item onClick={() => stand.mutate({ operator: false })}>{text.operator.takeOperator}</Menu.Item>
          ) : (
            <Menu.Item onClick={() => setAsked('operator')}>{text.operator.makeOperator}</Menu.Item>
          )}
          {disabledAt === null ? (
            <Menu.Item color="red" onClick={() => setAsked('disable')}>
              {text.operator.disable}
            </Menu.Item>
          ) : (
            <Menu.Item onClick={() => stand.mutate({ disabled: false })}>{text.operator.enable}</Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {stand.isError && asked === undefined ? <Failure error={stand.error} /> : null}
      {asked === 'reset' ? <ResetDialog username={username} onClose={close} /> : null}
      {asked === 'disable' ? (
        <Confirm
          title={text.operator.disableTitle(username)}
          action={text.operator.disable}
          change={standing({ disabled: true })}
          onClose={close}
        >
          {text.operator.disableLead}
        </Confirm>
      ) : null}
      {asked === 'operator' ? (
        <Confirm
          title={text.operator.makeOperatorTitle(username)}
          action={text.operator.makeOperator}
          color="teal"
          change={standing({ operator: true })}
          onClose={close}
        >
          {text.operator.makeOperatorLead}
        </Confirm>
      ) : null}
    </>
  )
}

function ResetDialog({ username, onClose }: { readonly username: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [made, setMade] = useState<UserCreated>()
  const reset = useChange(
    (endTwoFactor: boolean) => request<UserCreated>('PUT', userPath(username, '/password'), { body: { endTwoFactor } }),
    setMade,
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    reset.mutate(new FormData(event.currentTarget).get('endTwoFactor') !== null)
  }
  return (
    <Dialog title={text.operator.resetTitle(username)} onClose={onClose}>
      {made === undefined ? (
        <form onSubmit={submit}>
          <Stack ta="left">
            <Text>{text.operator.resetLead}</Text>
            <Checkbox name="endTwoFactor" label={text.operator.endTwoFactor} />
            {reset.isError ? <Failure error={reset.error} /> : null}
            <DialogButtons action={text.operator.reset} color="red" isPending={reset.isPending} onCancel={onClose} />
          </Stack>
        </form>
      ) : (
        <MadePassword made={made} onClose={onClose} />
      )}
    </Dialog>
  )
}
