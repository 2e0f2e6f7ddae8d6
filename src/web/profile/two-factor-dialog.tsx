/** Turns two-factor authentication on: the password, the picture for the authenticator with its first code, and the recovery codes. */
import { Center, Code, Paper, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { QRCodeSVG } from 'qrcode.react'
import type { FormEvent } from 'react'
import type { TwoFactorBegun } from '../../api/two-factor.ts'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { beginTwoFactor, confirmTwoFactor } from '../api/two-factor.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { RecoveryCodes } from './recovery-codes.tsx'

interface StepProps {
  readonly isPending: boolean
  readonly error: unknown
  onSubmit(text: string): void
  onCancel(): void
}

export function TwoFactorDialog({ user, onClose }: { readonly user: Profile; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const begin = useChange(beginTwoFactor)
  const confirm = useChange(confirmTwoFactor)
  if (confirm.data !== undefined) {
    return <RecoveryCodes codes={confirm.data} username={user.username} onClose={onClose} />
  }
  return (
    <Dialog title={text.profile.twoFactor.title} onClose={onClose}>
      {begin.data === undefined ? (
        <PasswordStep user={user} {...begin} onSubmit={begin.mutate} onCancel={onClose} />
      ) : (
        <CodeStep begun={begin.data} {...confirm} onSubmit={confirm.mutate} onCancel={onClose} />
      )}
    </Dialog>
  )
}

function fieldOf(event: FormEvent<HTMLFormElement>, name: string): string {
  event.preventDefault()
  return String(new FormData(event.currentTarget).get(name) ?? '')
}

function PasswordStep(o: StepProps & { readonly user: Profile }) {
  const { text } = useSpeech()
  return (
    <form onSubmit={(event) => o.onSubmit(fieldOf(event, 'password'))}>
      <Stack>
        <input name="username" value={o.user.username} autoComplete="username" readOnly hidden />
        <PasswordInput
          name="password"
          label={text.profile.twoFactor.password}
          autoComplete="current-password"
          required
          data-autofocus
        />
        {o.error === null ? null : <Failure error={o.error} />}
        <DialogButtons action={text.profile.twoFactor.next} isPending={o.isPending} onCancel={o.onCancel} />
      </Stack>
    </form>
  )
}

function CodeStep(o: StepProps & { readonly begun: TwoFactorBegun }) {
  const { text } = useSpeech()
  return (
    <form onSubmit={(event) => o.onSubmit(fieldOf(event, 'code').trim())}>
      <Stack>
        <Text>{text.profile.twoFactor.scan}</Text>
        <Center>
          {/* Black on white in the dark too: cameras want it so. */}
          <Paper bg="white" p="sm">
            <QRCodeSVG value={o.begun.url} size={184} title={text.profile.twoFactor.picture} role="img" />
          </Paper>
        </Center>
        <Text size="sm">{text.profile.twoFactor.byHand}</Text>
        <Code block>{o.begun.secret}</Code>
        <TextInput
          name="code"
          label={text.profile.twoFactor.firstCode}
          autoComplete="one-time-code"
          inputMode="numeric"
          required
          autoFocus
        />
        <Text size="sm" c="dimmed">
          {text.profile.twoFactor.ends}
        </Text>
        {o.error === null ? null : <Failure error={o.error} />}
        <DialogButtons action={text.profile.twoFactor.enable} isPending={o.isPending} onCancel={o.onCancel} />
      </Stack>
    </form>
  )
}
