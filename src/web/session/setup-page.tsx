/** The first run: makes the owner and the organization, by the code that the server has printed. */
import { Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { hasSession, isSetupWanted, setUp } from '../api/profile.ts'
import { ApiError } from '../api/request.ts'
import { Failure } from '../shell/parts.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'

export function SetupPage() {
  const { text } = useSpeech()
  useDocumentTitle(`${text.setup.title} · Kagami`)
  const [printed] = useState(() => location.hash.slice(1))
  // Anew, and in place of this address: the document then says that there is an owner.
  const making = useChange(setUp, () => location.replace('/'))
  const isOver = making.error instanceof ApiError && making.error.status === 404
  if (isOver || !isSetupWanted) {
    return (
      <Sheet title={text.setup.over} lead={hasSession ? text.setup.signedInLead : text.setup.overLead}>
        <Anchor href="/">{hasSession ? text.common.toStart : text.setup.toSignIn}</Anchor>
      </Sheet>
    )
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '').trim()
    const displayName = field('displayName')
    making.mutate({
      code: field('code'),
      organization: field('organization'),
      username: field('username'),
      ...(displayName === '' ? {} : { displayName }),
      password: String(form.get('password') ?? ''),
    })
  }
  return (
    <Sheet title={text.setup.title} lead={text.setup.lead}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="code"
            label={text.setup.code}
            description={text.setup.codeHelp}
            defaultValue={printed}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            required
            autoFocus={printed === ''}
          />
          <TextInput
            name="organization"
            label={text.setup.organization}
            description={text.setup.organizationHelp}
            autoComplete="organization"
            autoCapitalize="none"
            spellCheck={false}
            required
            autoFocus={printed !== ''}
          />
          <TextInput
            name="username"
            label={text.setup.username}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
          />
          <TextInput name="displayName" label={text.setup.displayName} autoComplete="name" />
          <PasswordInput
            name="password"
            label={text.setup.password}
            description={text.setup.passwordHelp}
            autoComplete="new-password"
            minLength={8}
            required
          />
          {making.isError ? <Failure error={making.error} /> : null}
          <Button type="submit" loading={making.isPending}>
            {text.setup.submit}
          </Button>
        </Stack>
      </form>
    </Sheet>
  )
}
