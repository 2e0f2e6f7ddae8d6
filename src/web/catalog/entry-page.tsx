/** One entry of the catalog: where it comes from, who mirrors it, and the button that mirrors it or leads to it. */
import { Button, Group, Menu, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { TriangleDownIcon } from '@primer/octicons-react'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useCatalog } from '../api/catalog.ts'
import { useRole } from '../api/organizations.ts'
import { Failure, Page, Rows } from '../shell/parts.tsx'
import { RepositoryLink, repositoryPlace } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { StartDialog } from './start-dialog.tsx'

export function EntryPage() {
  const { text } = useSpeech()
  const {
    organization,
    upstream,
    _splat: repository = '',
  } = useParams({ from: '/within/o/$organization/catalog/$upstream/$' })
  const catalog = useCatalog(upstream)
  const [isOpen, dialog] = useDisclosure()
  const entry = catalog.data?.items.find((one) => one.repository === repository)
  const mirrors = entry?.mirrors ?? []
  return (
    <Page
      title={entry?.title ?? repository}
      lead={`${upstream}/${repository}`}
      action={<MirrorButton mirrors={mirrors} organization={organization} onMirror={dialog.open} />}
    >
      {catalog.isError ? <Failure error={catalog.error} retry={() => void catalog.refetch()} /> : null}
      {catalog.isLoading ? <Rows count={3} /> : null}
      {catalog.isSuccess && entry === undefined ? <Text>{text.common.notFound}</Text> : null}
      {entry === undefined ? null : (
        <Section title={text.entry.mirroredInto}>
          {mirrors.length === 0 ? <Text c="dimmed">{text.entry.notYet}</Text> : null}
          {mirrors.map((name) => (
            <RepositoryLink key={name} name={name} />
          ))}
        </Section>
      )}
      {isOpen ? (
        <StartDialog upstream={upstream} repository={repository} organization={organization} onClose={dialog.close} />
      ) : null}
    </Page>
  )
}

/** *Mirror to repository* until there is one; then *View in repository*, with every mirror of the source, and mirroring it again. */
function MirrorButton(o: {
  readonly mirrors: readonly string[]
  readonly organization: string
  readonly onMirror: () => void
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const [first] = o.mirrors
  const role = useRole(o.organization)
  const view = (name: string) => void navigate({ to: '/o/$organization/repository/$', params: repositoryPlace(name) })
  if (first === undefined) {
    return (
      <Stack gap={4} align="flex-end">
        <Button onClick={o.onMirror}>{text.entry.mirror}</Button>
        {role === 'editor' || role === 'member' ? (
          <Text size="xs" c="dimmed" maw={320} ta="right">
            {text.entry.mayNot(o.organization)}
          </Text>
        ) : null}
      </Stack>
    )
  }
  return (
    <Group gap={1} wrap="nowrap">
      <Button onClick={() => view(first)}>{text.entry.view}</Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button px="xs" aria-label={text.entry.choose}>
            <TriangleDownIcon />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {o.mirrors.map((name) => (
            <Menu.Item key={name} onClick={() => view(name)}>
              {name}
            </Menu.Item>
          ))}
          <Menu.Divider role="separator" />
          <Menu.Item onClick={o.onMirror}>{text.entry.mirror}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
