import { Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import type { FormEvent } from 'react'
import type { Team } from '../../api/teams.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { teamPath } from '../api/teams.ts'
import { Failure } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function TeamAbout(o: { readonly organization: string; readonly team: Team; readonly isOwner: boolean }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { name, description, manageMirrors } = o.team
  const change = useChange(
    (body: Record<string, unknown>) => request('PATCH', teamPath(o.organization, name), { body }),
    () => tell(text.teams.saved),
  )
  if (!o.isOwner) {
    return manageMirrors ? (
      <Section title={text.teams.manageMirrors}>
        <Text size="sm">{text.teams.manageMirrorsHelp}</Text>
      </Section>
    ) : null
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    change.mutate({ description: String(form.get('description')), manageMirrors: form.get('manageMirrors') !== null })
  }
  return (
    <Section title={text.teams.edit}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput name="description" label={text.teams.description} defaultValue={description} maw={480} />
          <Checkbox
            name="manageMirrors"
            label={text.teams.manageMirrors}
            description={text.teams.manageMirrorsHelp}
            defaultChecked={manageMirrors}
          />
          {change.isError ? <Failure error={change.error} /> : null}
          <Group>
            <Button type="submit" variant="default" loading={change.isPending}>
              {text.teams.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
