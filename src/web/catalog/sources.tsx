/** Where the catalog comes from, when it was read, and what is wrong with it; and the way to what it does not list. */
import { Alert, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { AlertIcon, GearIcon, SyncIcon } from '@primer/octicons-react'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { type Catalog, isFirstRead, refreshCatalog } from '../api/catalog.ts'
import { useChange } from '../api/client.ts'
import { useRole } from '../api/organizations.ts'
import { useProfile } from '../api/profile.ts'
import { ApiError } from '../api/request.ts'
import { Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { sayCode, sayError } from '../shell/say.ts'
import { Section } from '../shell/section.tsx'
import { type Spoken, useSpeech } from '../text/language.tsx'
import { SettingsDialog } from './settings-dialog.tsx'

interface Shown {
  readonly catalogs: readonly Catalog[]
  readonly organization: string
}

/** More than a line of them tells nobody anything. */
const MAX_WELL = 3

interface Told {
  /** In the reader's language; undefined in English. */
  readonly words: string | undefined
  readonly message: string
}

function troubleOf({ state, error }: Catalog, speech: Spoken): Told | undefined {
  const problem = state?.problem
  if (problem) return { words: sayCode(problem.code, speech.said), message: problem.message }
  const defined = state?.definitions?.problem
  if (defined) return { words: speech.said?.definitions, message: defined }
  return error instanceof Error ? { words: sayError(error, speech), message: error.message } : undefined
}

/** When those were read with which all is well; of many, those that are being read. */
export function Sources({ catalogs, organization }: Shown) {
  const speech = useSpeech()
  const { text } = speech
  const well = catalogs.filter((catalog) => troubleOf(catalog, speech) === undefined)
  const shown = well.length > MAX_WELL ? well.filter(isFirstRead).slice(0, MAX_WELL) : well
  return (
    <Group gap="xs">
      {shown.map((catalog) => (
        <Group key={catalog.upstream} gap={4}>
          <Text size="xs" c="dimmed">
            {catalog.upstream}:{' '}
            {catalog.state?.readAt == null ? (
              text.catalog.reading
            ) : (
              <>
                {text.catalog.readAt} <Time at={catalog.state.readAt} />
              </>
            )}
          </Text>
          <Actions catalog={catalog} organization={organization} />
        </Group>
      ))}
    </Group>
  )
}

/** What is wrong with the others, and what can be done. */
export function Troubles({ catalogs, organization }: Shown) {
  return catalogs.map((catalog) => <Trouble key={catalog.upstream} catalog={catalog} organization={organization} />)
}

function Trouble({ catalog, organization }: { readonly catalog: Catalog; readonly organization: string }) {
  const speech = useSpeech()
  const { text } = speech
  const { upstream, state, error } = catalog
  const trouble = troubleOf(catalog, speech)
  if (trouble === undefined) return null
  return (
    <Alert color="orange" variant="light" icon={<AlertIcon />} title={text.catalog.trouble(upstream)} role="status">
      <Stack gap="xs" align="flex-start">
        <Said {...trouble} />
        {state?.problem && state.readAt !== null ? (
          <Text size="sm">
            {text.catalog.keptSince} <Time at={state.readAt} />
          </Text>
        ) : null}
        {error instanceof ApiError && error.code === 'UPSTREAM_UNSUPPORTED' ? (
          <Text size="sm">{text.catalog.unlisted}</Text>
        ) : null}
        <Actions catalog={catalog} organization={organization} />
      </Stack>
    </Alert>
  )
}

/** Reading it now, for those who bring content in; where it comes from, for those whose upstream it is. */
function Actions({ catalog, organization }: { readonly catalog: Catalog; readonly organization: string }) {
  const { text } = useSpeech()
  const { upstream, state } = catalog
  const [isOpen, dialog] = useDisclosure()
  const refresh = useChange(() => refreshCatalog(organization, upstream))
  const role = useRole(organization)
  const isOperator = useProfile().data?.operator === true
  const mayRefresh = role === 'owner' || role === 'editor' || isOperator
  const mayChange = state !== undefined && (state.organization === null ? isOperator : role === 'owner')
  return (
    <Group gap={4}>
      {mayRefresh ? (
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<SyncIcon size={12} aria-hidden="true" />}
          loading={refresh.isPending || state?.refreshing === true}
          onClick={() => refresh.mutate(undefined)}
          aria-label={text.catalog.refreshOne(upstream)}
        >
          {text.catalog.refresh}
        </Button>
      ) : null}
      {mayChange ? (
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          leftSection={<GearIcon size={12} aria-hidden="true" />}
          onClick={dialog.open}
          aria-label={text.catalog.settings.title(upstream)}
        >
          {text.catalog.settings.open}
        </Button>
      ) : null}
      {isOpen ? <SettingsDialog catalog={catalog} onClose={dialog.close} /> : null}
    </Group>
  )
}

const EXAMPLE = 'library/alpine'

/** Whatever a catalog lists, any repository can be mirrored by its name. */
export function ByName({
  upstreams,
  organization,
}: {
  readonly upstreams: readonly string[]
  readonly organization: string
}) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const [chosen, setChosen] = useState<string>()
  const [name, setName] = useState('')
  const upstream = chosen ?? upstreams[0] ?? ''
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const _splat = name.trim().replace(/^\/+|\/+$/g, '')
    if (_splat !== '')
      void navigate({ to: '/o/$organization/catalog/$upstream/$', params: { organization, upstream, _splat } })
  }
  return (
    <Section title={text.catalog.byName} lead={text.catalog.byNameLead}>
      <form onSubmit={submit}>
        <Group align="flex-end">
          <Select
            label={text.catalog.upstream}
            data={[...upstreams]}
            value={upstream}
            onChange={(one) => setChosen(one ?? undefined)}
            allowDeselect={false}
            w={170}
          />
          <TextInput
            label={text.catalog.repository}
            placeholder={EXAMPLE}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            required
            flex={1}
            miw={200}
          />
          <Button type="submit" variant="default">
            {text.catalog.open}
          </Button>
        </Group>
      </form>
    </Section>
  )
}
