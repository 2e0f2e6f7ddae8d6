/** Joins an organization by a link, whose secret stands behind the `#` and goes to no server but in the calls made here. */
import { Anchor, Button, Divider, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { Role } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { signIn, useProfile } from '../api/profile.ts'
import { ApiError, request } from '../api/request.ts'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'
import { SignInPage } from './sign-in-page.tsx'

interface Shown {
  readonly organization: string
  readonly role: Role
  readonly teams: readonly string[]
  readonly email: string | null
  readonly expiresAt: string
}

export function InvitationPage() {
  const { text } = useSpeech()
  const [secret] = useState(() => location.hash.slice(1))
  const [isSigningIn, setSigningIn] = useState(false)
  const profile = useProfile()
  const navigate = useNavigate()
  const shown = useQuery({
    queryKey: ['invitation', secret],
    retry: false,
    queryFn: ({ signal }) => request<Shown>('POST', '/invitations/show', { body: { secret }, signal }),
  })
  const joined = (organization: string) =>
    void navigate({ to: '/o/$organization/repositories', params: { organization } })
  const accept = useChange(() => request<Shown>('POST', '/invitations/accept', { body: { secret } }))
  if (shown.error instanceof ApiError) {
    if (![400, 404].includes(shown.error.status)) {
      return (
        <Sheet title={text.invitation.broken}>
          <Failure error={shown.error} retry={() => void shown.refetch()} />
        </Sheet>
      )
    }
    return (
      <Sheet title={text.invitation.broken} lead={text.invitation.invalid}>
        <Text size="sm">{text.invitation.gone}</Text>
        <Anchor href="/">{text.invitation.toSignIn}</Anchor>
      </Sheet>
    )
  }
  if (shown.data === undefined) {
    return (
      <Sheet title={text.common.loading}>
        <Rows count={3} />
      </Sheet>
    )
  }
  if (isSigningIn && profile.data === null) return <SignInPage isOnTheWay />
  const { organization, role, teams } = shown.data
  const lead = [text.invitation.role[role], ...(teams.length === 0 ? [] : [text.invitation.teams(teams.join(', '))])]
  return (
    <Sheet title={text.invitation.title(organization)} lead={lead.join(', ')}>
      <Text size="sm" c="dimmed">
        {text.invitation.expires} <Time at={shown.data.expiresAt} />
      </Text>
      {profile.data ? (
        <Stack>
          {accept.isError ? <Failure error={accept.error} /> : null}
          <Button
            loading={accept.isPending}
            onClick={() => accept.mutate(undefined, { onSuccess: () => joined(organization) })}
          >
            {text.invitation.accept(profile.data.username)}
          </Button>
        </Stack>
      ) : (
        <>
          <Anchor component="button" type="button" onClick={() => setSigningIn(true)}>
            {text.invitation.haveAccount}
          </Anchor>
          <Divider label={text.invitation.orNew} />
          <Register secret={secret} onJoined={() => joined(organization)} />
        </>
      )}
    </Sheet>
  )
}

function Register({ secret, onJoined }: { readonly secret: string; readonly onJoined: () => void }) {
  const { text } = useSpeech()
  const register = useChange(async (account: Record<string, string>) => {
    await request('POST', '/invitations/register', { body: { secret, ...account } })
    await signIn({ username: account.username ?? '', password: account.password ?? '' })
    // Here, as this form is gone once somebody is signed in.
    onJoined()
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const fields = ['username', 'displayName', 'password'].map((name) => [name, String(form.get(name) ?? '')])
    register.mutate(Object.fromEntries(fields))
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="username"
          label={text.invitation.username}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
        />
        <TextInput name="displayName" label={text.invitation.displayName} autoComplete="name" required />
        <PasswordInput
          name="password"
          label={text.invitation.password}
          description={text.invitation.passwordHelp}
          autoComplete="new-password"
          minLength={8}
          required
        />
        {register.isError ? <Failure error={register.error} /> : null}
        <Button type="submit" loading={register.isPending}>
          {text.invitation.register}
        </Button>
      </Stack>
    </form>
  )
}
