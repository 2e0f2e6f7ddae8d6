/** What can be set of a repository, and its end. */
import { Button, Group, Stack, Switch, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { changeRepository } from '../api/repositories.ts'
import { Failure, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { ArchiveDialog } from './archive-dialog.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { ImmutableTags } from './immutable-tags.tsx'
import { VisibilityDialog } from './visibility-dialog.tsx'

interface Props {
  readonly repository: RepositoryDetail
  readonly mirror: Mirror | undefined
}

export function SettingsTab({ repository, mirror }: Props) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const isPublic = repository.visibility === 'public'
  return (
    <Stack>
      <Section
        title={text.settings.visibility}
        lead={isPublic ? text.settings.isPublic : text.settings.isPrivate}
        action={
          <Button variant="default" onClick={dialog.open}>
            {isPublic ? text.settings.makePrivate : text.settings.makePublic}
          </Button>
        }
      >
        <Text size="sm">{text.repositories[repository.visibility]}</Text>
        {isOpen ? <VisibilityDialog repository={repository} mirror={mirror} onClose={dialog.close} /> : null}
      </Section>
      <ImmutableTags key={JSON.stringify(repository.immutableTags)} repository={repository} />
      <Sparse repository={repository} />
      <Archive repository={repository} mirror={mirror} />
      <Delete repository={repository} mirror={mirror} />
    </Stack>
  )
}

function Sparse({ repository }: { readonly repository: RepositoryDetail }) {
  const { text } = useSpeech()
  const tell = useTell()
  const change = useChange(
    (allowSparse: boolean) => changeRepository(repository.name, { allowSparse }),
    () => tell(text.settings.changed),
  )
  return (
    <Section title={text.settings.sparse} lead={text.settings.sparseLead}>
      <Switch
        label={text.settings.allowSparse}
        checked={change.isPending ? change.variables : repository.allowSparse}
        onChange={(event) => change.mutate(event.currentTarget.checked)}
      />
      {change.isError ? <Failure error={change.error} /> : null}
    </Section>
  )
}

function Archive({ repository, mirror }: Props) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const isArchived = repository.archivedAt !== null
  return (
    <Section
      title={text.settings.archive}
      lead={text.settings.archiveLead}
      action={
        <Button variant="default" onClick={dialog.open}>
          {isArchived ? text.settings.unarchive : text.settings.makeArchived}
        </Button>
      }
    >
      {repository.archivedAt === null ? null : (
        <Text size="sm">
          {text.settings.archivedSince} <Time at={repository.archivedAt} />
        </Text>
      )}
      {isOpen ? <ArchiveDialog repository={repository} mirror={mirror} onClose={dialog.close} /> : null}
    </Section>
  )
}

function Delete({ repository, mirror }: Props) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  return (
    <Section title={text.settings.remove} lead={text.settings.removeLead}>
      <Group>
        <Button variant="default" c="red" onClick={dialog.open}>
          {text.settings.removeAction}
        </Button>
      </Group>
      {isOpen ? <DeleteDialog repository={repository} mirror={mirror} onClose={dialog.close} /> : null}
    </Section>
  )
}
