import { Checkbox, Stack, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import type { Team } from '../../api/teams.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function CreateTeamDialog(o: { readonly organization: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const create = useChange(
    (body: Record<string, unknown>) =>
      request<{ team: Team }>('POST', organizationPath(o.organization, '/teams'), { body }),
    ({ team }) =>
      void navigate({
        to: '/o/$organization/people/teams/$team',
        params: { organization: o.organization, team: team.name },
      }),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    create.mutate({
      name: String(form.get('name')),
      description: String(form.get('description')),
      manageMirrors: form.get('manageMirrors') !== null,
    })
  }
  return (
    <Dialog title={text.teams.create} onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="name"
            label={text.teams.name}
            description={text.teams.nameHelp}
            required
            autoComplete="off"
            data-autofocus
          />
          <TextInput name="description" label={text.teams.description} />
          <Checkbox name="manageMirrors" label={text.teams.manageMirrors} description={text.teams.manageMirrorsHelp} />
          {create.isError ? <Failure error={create.error} /> : null}
          <DialogButtons action={text.teams.create} isPending={create.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
