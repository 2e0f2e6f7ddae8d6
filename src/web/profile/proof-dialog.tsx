/** Asks for password and code, which what follows demands. */
import { type ButtonProps, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import type { FormEvent } from 'react'
import type { Profile } from '../../api/users.ts'
import type { Proof } from '../api/two-factor.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function ProofDialog(o: {
  readonly user: Profile
  readonly title: string
  readonly lead: string
  readonly color?: ButtonProps['color']
  readonly change: { readonly isPending: boolean; readonly error: unknown; mutate(proof: Proof): void }
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '')
    o.change.mutate({ password: field('password'), code: field('code').trim() })
  }
  return (
    <Dialog title={o.title} onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text>{o.lead}</Text>
          <input name="username" value={o.user.username} autoComplete="username" readOnly hidden />
          <PasswordInput
            name="password"
            label={text.profile.twoFactor.password}
            autoComplete="current-password"
            required
            data-autofocus
          />
          <TextInput
            name="code"
            label={text.profile.twoFactor.code}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            required
          />
          {o.change.error === null ? null : <Failure error={o.change.error} />}
          <DialogButtons action={o.title} color={o.color} isPending={o.change.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
