/** A new password, by whoever knows the present one. */
import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { type FormEvent, useRef, useState } from 'react'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { Failure } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function PasswordSection({ user }: { readonly user: Profile }) {
  const { text } = useSpeech()
  return (
    <Section title={text.profile.password.title} lead={user.hasPassword ? text.profile.password.lead : undefined}>
      {user.hasPassword ? <PasswordForm user={user} /> : <Text>{text.profile.password.none}</Text>}
    </Section>
  )
}

function PasswordForm({ user }: { readonly user: Profile }) {
  const { text } = useSpeech()
  const tell = useTell()
  const form = useRef<HTMLFormElement>(null)
  const [differ, setDiffer] = useState(false)
  const change = useChange(
    (body: { current: string; password: string }) => request('PUT', '/user/password', { body }),
    () => {
      form.current?.reset()
      tell(text.profile.password.changed)
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    const field = (name: string) => String(fields.get(name) ?? '')
    setDiffer(field('password') !== field('again'))
    if (field('password') === field('again')) {
      change.mutate({ current: field('current'), password: field('password') })
    }
  }
  return (
    <form onSubmit={submit} ref={form}>
      <Stack maw={420}>
        {/* For password managers, which want to know whose it is. */}
        <input name="username" value={user.username} autoComplete="username" readOnly hidden />
        <PasswordInput name="current" label={text.profile.password.current} autoComplete="current-password" required />
        <PasswordInput
          name="password"
          label={text.profile.password.wanted}
          description={text.profile.password.help}
          autoComplete="new-password"
          minLength={8}
          maxLength={128}
          required
        />
        <PasswordInput
          name="again"
          label={text.profile.password.again}
          autoComplete="new-password"
          error={differ ? text.profile.password.differ : null}
          required
        />
        {change.isError ? <Failure error={change.error} /> : null}
        <Group>
          <Button type="submit" loading={change.isPending}>
            {text.profile.password.change}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
