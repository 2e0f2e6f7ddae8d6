/** What somebody else has written, as elements of the page: no HTML of theirs, no picture, and links that lead to the web alone. */
import { Anchor, Code, Table, Text, Title, Typography } from '@mantine/core'
import Markdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { useSpeech } from '../text/language.tsx'

/** Undefined for what leads into the page, or runs. */
function webAddress(url: string): string | undefined {
  const parsed = URL.parse(url)
  return parsed !== null && (parsed.protocol === 'https:' || parsed.protocol === 'http:') ? parsed.href : undefined
}

/** `> [!NOTE]`, as code hosts write what they show in a box. */
const NOTICE = /^> \[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*$/gm

/** Headings stand below those of the page. */
const COMPONENTS: Components = {
  h1: ({ children }) => (
    <Title order={2} size="h4" mt="md">
      {children}
    </Title>
  ),
  h2: ({ children }) => (
    <Title order={2} size="h4" mt="md">
      {children}
    </Title>
  ),
  h3: ({ children }) => (
    <Title order={3} size="h5" mt="sm">
      {children}
    </Title>
  ),
  a: ({ href, children }) =>
    href === undefined || href === '' ? (
      <span>{children}</span>
    ) : (
      <Anchor href={href} target="_blank" rel="noopener noreferrer nofollow ugc" underline="always">
        {children}
      </Anchor>
    ),
  img: ({ alt }) => <Picture name={alt ?? ''} />,
  pre: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard too.
    <pre className="code" tabIndex={0}>
      {children}
    </pre>
  ),
  code: ({ children, className }) => (className === undefined ? <Code>{children}</Code> : <code>{children}</code>),
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled by keyboard too.
    <div className="scrolls" tabIndex={0}>
      <Table withTableBorder verticalSpacing={6}>
        {children}
      </Table>
    </div>
  ),
}

function Picture({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  return (
    <Text span size="sm" c="dimmed" fs="italic">
      {text.entry.picture(name)}
    </Text>
  )
}

export function WrittenByOthers({ text }: { readonly text: string }) {
  return (
    <Typography className="written">
      <Markdown remarkPlugins={[remarkGfm]} skipHtml urlTransform={webAddress} components={COMPONENTS}>
        {text.replace(NOTICE, (_, kind: string) => `> **${kind[0]}${kind.slice(1).toLowerCase()}**`)}
      </Markdown>
    </Typography>
  )
}
