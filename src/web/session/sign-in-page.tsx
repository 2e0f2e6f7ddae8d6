/** Sign-in by user name and password, and a code where there is a second factor; or by a provider that vouches for people. */
import { Alert, Button, Divider, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { AlertIcon, LinkExternalIcon } from '@primer/octicons-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useChange } from '../api/client.ts'
import { type Credentials, signIn } from '../api/profile.ts'
import { ApiError } from '../api/request.ts'
import { signInAddress, signInProblem, useSignInProviders } from '../api/sign-in.ts'
import { Said } from '../shell/said.tsx'
import { sayError } from '../shell/say.ts'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'

function wantsCode(error: unknown): boolean {
  const detail = error instanceof ApiError ? (error.detail as { error?: unknown } | null) : null
  return detail?.error === 'two_factor_required'
}

/** @param o.isOnTheWay behind the `#` of this address stands what a provider must not see: only a password serves here */
export function SignInPage({ isOnTheWay = false }: { readonly isOnTheWay?: boolean }) {
  const speech = useSpeech()
  const { text } = speech
  useDocumentTitle(`${text.signIn.submit} · Kagami`)
  const [known, setKnown] = useState<Credentials>()
  const trying = useChange(signIn)
  const attempt = (credentials: Credentials) =>
    trying.mutate(credentials, { onError: (error) => wantsCode(error) && setKnown(credentials) })
  const again = () => {
    setKnown(undefined)
    trying.reset()
  }
  const { error } = trying
  const isWrong = error instanceof ApiError && error.status === 401
  const wrong = known === undefined ? text.signIn.wrong : text.signIn.wrongCode
  const problem =
    error === null || wantsCode(error) ? undefined : isWrong ? (
      wrong
    ) : (
      <Said words={sayError(error, speech)} message={error.message} />
    )
  const lead = known === undefined ? text.signIn.lead : text.signIn.codeLead(known.username)
  return (
    <Sheet title={text.signIn.title} lead={lead}>
      {signInProblem === undefined || error !== null || known !== undefined ? null : (
        <Problem>
          <Said words={speech.said?.signIn} message={signInProblem} />
        </Problem>
      )}
      {problem === undefined ? null : <Problem>{problem}</Problem>}
      {known === undefined ? (
        <PasswordForm isPending={trying.isPending} onSubmit={attempt} />
      ) : (
        <CodeForm isPending={trying.isPending} onSubmit={(code) => attempt({ ...known, code })} onAgain={again} />
      )}
      {isOnTheWay || known !== undefined ? null : <Providers />}
    </Sheet>
  )
}

function Problem({ children }: { readonly children: ReactNode }) {
  return (
    <Alert color="red" variant="light" role="alert" icon={<AlertIcon />} p="sm">
      {children}
    </Alert>
  )
}

interface FormProps<Input> {
  readonly isPending: boolean
  onSubmit(input: Input): void
}

function PasswordForm({ isPending, onSubmit }: FormProps<Credentials>) {
  const { text } = useSpeech()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '')
    onSubmit({ username: field('username').trim(), password: field('password') })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="username"
          label={text.signIn.username}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
        />
        <PasswordInput name="password" label={text.signIn.password} autoComplete="current-password" required />
        <Button type="submit" loading={isPending}>
          {text.signIn.submit}
        </Button>
      </Stack>
    </form>
  )
}

function CodeForm({ isPending, onSubmit, onAgain }: FormProps<string> & { onAgain(): void }) {
  const { text } = useSpeech()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onSubmit(String(new FormData(event.currentTarget).get('code') ?? '').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="code"
          label={text.signIn.code}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
        />
        <Button type="submit" loading={isPending}>
          {text.signIn.submit}
        </Button>
        <Button variant="subtle" color="gray" onClick={onAgain}>
          {text.signIn.another}
        </Button>
      </Stack>
    </form>
  )
}

function Providers() {
  const { text } = useSpeech()
  const providers = useSignInProviders().data ?? []
  return (
    <>
      {providers.length === 0 ? null : <Divider label={text.signIn.or} />}
      {providers.map((provider) => (
        <Button
          key={provider.id}
          component="a"
          href={signInAddress(provider)}
          variant="default"
          leftSection={<LinkExternalIcon />}
        >
          {text.signIn.by(provider.name)}
        </Button>
      ))}
      <Text size="xs" c="dimmed">
        {text.signIn.ownProvider}
      </Text>
    </>
  )
}
