/** Sign-in by user name and password, and a code where there is a second factor. */
import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { signIn, useChange } from '../api/queries.ts'
import { ApiError } from '../api/request.ts'
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
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" w="100%" maw={400} radius="md">
        <form onSubmit={submit}>
          <Stack>
            <div>
              <Title order={1} size="h3">
                {text.signIn.title}
              </Title>
              <Text c="dimmed" size="sm">
                {text.signIn.lead}
              </Text>
            </div>
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
      </Paper>
    </Center>
  )
}
