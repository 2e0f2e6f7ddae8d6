/** Sign-in by user name and password, and a code where there is a second factor. */
import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { signIn } from '../api/profile.ts'
import { ApiError } from '../api/request.ts'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'

function wantsCode(error: unknown): boolean {
  const detail = error instanceof ApiError ? (error.detail as { error?: unknown } | null) : null
  return detail?.error === 'two_factor_required'
}

export function SignInPage() {
  const { text } = useSpeech()
  const [asksCode, setAsksCode] = useState(false)
  const trying = useChange(signIn)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '')
    const code = asksCode ? { code: field('code') } : {}
    trying.mutate(
      { username: field('username'), password: field('password'), ...code },
      { onError: (error) => setAsksCode(asksCode || wantsCode(error)) },
    )
  }
  const { error } = trying
  const problem =
    error === null || wantsCode(error)
      ? undefined
      : error instanceof ApiError && error.status === 401
        ? asksCode
          ? text.signIn.wrongCode
          : text.signIn.wrong
        : error.message
  return (
    <Sheet title={text.signIn.title} lead={text.signIn.lead}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput name="username" label={text.signIn.username} autoComplete="username" required autoFocus />
          <PasswordInput name="password" label={text.signIn.password} autoComplete="current-password" required />
          {asksCode ? (
            <TextInput name="code" label={text.signIn.code} autoComplete="one-time-code" required autoFocus />
          ) : null}
          {problem === undefined ? null : (
            <Text c="red" size="sm" role="alert">
              {problem}
            </Text>
          )}
          <Button type="submit" loading={trying.isPending}>
            {text.signIn.submit}
          </Button>
        </Stack>
      </form>
    </Sheet>
  )
}
