/** Gives a team a permission on a repository by its name. */
import { Select, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { TeamPermission } from '../../api/access.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request, requestAll } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function GrantDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { organization } = repositoryPlace(name)
  const teams = useQuery({
    queryKey: ['teams', organization],
    queryFn: async ({ signal }) =>
      (await requestAll<{ readonly name: string }>(organizationPath(organization, '/teams'), 'teams', { signal }))
        .items,
  })
  const [team, setTeam] = useState<string | null>(null)
  const [permission, setPermission] = useState<TeamPermission>('read')
  const grant = useChange(
    () =>
      request('PUT', organizationPath(organization, `/teams/${encodeURIComponent(team ?? '')}/grants`), {
        body: { repository: name, permission },
      }),
    () => {
      tell(text.access.granted)
      onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    grant.mutate(undefined)
  }
  return (
    <Dialog title={text.access.grantTitle(name)} onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Select
            label={text.access.team}
            data={(teams.data ?? []).map((one) => one.name)}
            value={team}
            onChange={setTeam}
            nothingFoundMessage={text.access.noTeamsAtAll}
            searchable
            required
            data-autofocus
          />
          {teams.isSuccess && teams.data.length === 0 ? <Text size="sm">{text.access.noTeamsAtAll}</Text> : null}
          {teams.isError ? <Failure error={teams.error} /> : null}
          <Select
            label={text.access.permission}
            description={text.access.permissionHelp[permission]}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            data={(['read', 'write', 'admin'] as const).map((value) => ({
              value,
              label: text.access.permissions[value],
            }))}
            value={permission}
            onChange={(chosen) => setPermission(chosen as TeamPermission)}
            allowDeselect={false}
          />
          {grant.isError ? <Failure error={grant.error} /> : null}
          <DialogButtons
            action={text.access.grant}
            isPending={grant.isPending}
            isDisabled={team === null}
            onCancel={onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}
