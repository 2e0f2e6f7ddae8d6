/** What people say that a repository is for; its admins write it where it stands. */
import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { PencilIcon } from '@primer/octicons-react'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { changeRepository, repositoryQuery } from '../api/repositories.ts'
import { LinkedText } from '../shell/linked-text.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

/** As long as the API takes. */
const MAX_LENGTH = 10_000

/** What people have said; what the server writes of a mirror by itself is said by the page in its own words. */
export function saidOf({ description }: Pick<RepositoryDetail, 'description'>): string {
  return /^Mirror of \S+$/.test(description) ? '' : description
}

export function Description({
  repository,
  mayEdit,
}: {
  readonly repository: RepositoryDetail
  readonly mayEdit: boolean
}) {
  const { text } = useSpeech()
  const [draft, setDraft] = useState<string>()
  const client = useQueryClient()
  const save = useChange(
    (description: string) => changeRepository(repository.name, { description }),
    ({ repository: saved }) => {
      client.setQueryData(repositoryQuery(saved.name).queryKey, saved)
      setDraft(undefined)
    },
  )
  // Shown as if it were saved: where it is not, what was written is still in the form.
  const said = save.isPending ? save.variables : saidOf(repository)
  if (draft === undefined || save.isPending) {
    return (
      <Stack gap={6} align="flex-start">
        {said === '' ? <Text c="dimmed">{text.repositories.noDescription}</Text> : <LinkedText>{said}</LinkedText>}
        {mayEdit && !save.isPending ? (
          <Button
            variant="subtle"
            size="compact-sm"
            ml={-8}
            leftSection={<PencilIcon size={14} aria-hidden="true" />}
            onClick={() => setDraft(said)}
          >
            {said === '' ? text.overview.describe : text.overview.editDescription}
          </Button>
        ) : null}
      </Stack>
    )
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate(draft)
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Textarea
          label={text.overview.description}
          value={draft}
          onChange={(event) => setDraft(event.currentTarget.value)}
          autosize
          minRows={3}
          maxRows={16}
          maxLength={MAX_LENGTH}
          data-autofocus
          // What was pressed is gone, and this stands in its place.
          autoFocus
        />
        {save.isError ? <Failure error={save.error} /> : null}
        <Group gap="xs">
          <Button type="submit">{text.common.save}</Button>
          <Button variant="default" onClick={() => setDraft(undefined)}>
            {text.common.cancel}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
