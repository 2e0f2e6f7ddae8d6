/** Name and mail address, and how the page speaks and looks. */
import { Button, Group, Select, Stack, TextInput, useMantineColorScheme } from '@mantine/core'
import type { FormEvent } from 'react'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { Facts } from '../shell/facts.tsx'
import { Command, Failure, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { LANGUAGES, nameOf, useSpeech } from '../text/language.tsx'

export function AccountSection({ user }: { readonly user: Profile }) {
  const { text } = useSpeech()
  const tell = useTell()
  const save = useChange(
    (body: { displayName: string; email: string | null }) => request('PATCH', '/user', { body }),
    () => tell(text.profile.account.saved),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '').trim()
    save.mutate({ displayName: field('displayName'), email: field('email') || null })
  }
  return (
    <Stack>
      <Section title={text.profile.account.title} lead={text.profile.account.lead}>
        <Facts
          cols={{ base: 1, xs: 2, md: 4 }}
          facts={[
            [text.profile.account.username, user.username],
            [text.profile.account.since, <Time key="since" at={user.createdAt} />],
            ...(user.operator ? ([[text.profile.account.role, text.profile.account.operator]] as const) : []),
          ]}
        />
        <form onSubmit={submit}>
          <Stack maw={420}>
            <TextInput
              name="displayName"
              label={text.profile.account.displayName}
              defaultValue={user.displayName}
              autoComplete="name"
              maxLength={100}
              required
            />
            <TextInput
              name="email"
              type="email"
              label={text.profile.account.email}
              description={text.profile.account.emailHelp}
              defaultValue={user.email ?? ''}
              autoComplete="email"
            />
            {save.isError ? <Failure error={save.error} /> : null}
            <Group>
              <Button type="submit" loading={save.isPending}>
                {text.profile.account.save}
              </Button>
            </Group>
          </Stack>
        </form>
      </Section>
      <Section title={text.profile.account.id} lead={text.profile.account.idHelp}>
        <Command line={user.id} />
      </Section>
      <Appearance />
    </Stack>
  )
}

const SCHEMES = ['auto', 'light', 'dark'] as const

function Appearance() {
  const { text, language, choose } = useSpeech()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Section title={text.profile.account.appearance} lead={text.profile.account.appearanceLead}>
      <Group>
        <Select
          label={text.shell.language}
          data={LANGUAGES.map((value) => ({ value, label: nameOf(value) }))}
          value={language}
          onChange={(chosen) => choose(LANGUAGES.find((one) => one === chosen) ?? language)}
          allowDeselect={false}
        />
        <Select
          label={text.profile.account.theme}
          data={SCHEMES.map((value) => ({ value, label: text.shell.theme[value] }))}
          value={colorScheme}
          onChange={(chosen) => setColorScheme(SCHEMES.find((one) => one === chosen) ?? 'auto')}
          allowDeselect={false}
        />
      </Group>
    </Section>
  )
}
