/** A new access token, and the one time that it is shown. */
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { TokenCreated, TokenScope } from '../../api/tokens.ts'
import { useChange } from '../api/client.ts'
import { createToken } from '../api/tokens.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Command, Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

const SCOPES = ['read', 'write', 'delete', 'admin'] as const satisfies readonly TokenScope[]
const LIVES = ['30d', '90d', '365d', 'never'] as const

export function TokenDialog({ onClose }: { readonly onClose: () => void }) {
  const { text } = useSpeech()
  const create = useChange(createToken)
  if (create.data !== undefined) return <Made token={create.data} onClose={onClose} />
  return (
    <Dialog title={text.profile.tokens.create} onClose={onClose}>
      <TokenForm
        isPending={create.isPending}
        error={create.error}
        onSubmit={(token) => create.mutate(token)}
        onCancel={onClose}
      />
    </Dialog>
  )
}

function TokenForm(o: {
  readonly isPending: boolean
  readonly error: unknown
  onSubmit(token: Parameters<typeof createToken>[0]): void
  onCancel(): void
}) {
  const { text } = useSpeech()
  const [scope, setScope] = useState<TokenScope>('read')
  const [expires, setExpires] = useState<string>('90d')
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const label = String(new FormData(event.currentTarget).get('label') ?? '')
    o.onSubmit({ label, scope, expires })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="label"
          label={text.profile.tokens.label}
          description={text.profile.tokens.labelHelp}
          maxLength={100}
          autoComplete="off"
          required
          data-autofocus
        />
        <Select
          label={text.profile.tokens.scope}
          data={SCOPES.map((value) => ({ value, label: text.profile.tokens.scopes[value] }))}
          value={scope}
          onChange={(chosen) => setScope(SCOPES.find((one) => one === chosen) ?? 'read')}
          allowDeselect={false}
        />
        <Select
          label={text.profile.tokens.expires}
          data={LIVES.map((value) => ({ value, label: text.profile.tokens.lives[value] }))}
          value={expires}
          onChange={(chosen) => setExpires(chosen ?? '90d')}
          allowDeselect={false}
        />
        {o.error === null ? null : <Failure error={o.error} />}
        <DialogButtons action={text.profile.tokens.make} isPending={o.isPending} onCancel={o.onCancel} />
      </Stack>
    </form>
  )
}

function Made({ token, onClose }: { readonly token: TokenCreated; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const login = `docker login ${location.host} --username ${token.username} --password-stdin`
  return (
    <Dialog title={text.profile.tokens.made(token.label)} size="lg" onClose={onClose}>
      <Stack>
        <Text>{text.profile.tokens.madeLead}</Text>
        <Command line={token.token} />
        <Text>{text.profile.tokens.login}</Text>
        <Command line={`echo ${token.token} | ${login}`} />
        <Group justify="flex-end">
          <Button onClick={onClose}>{text.profile.tokens.done}</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
