/** The page about the management API, from its OpenAPI document: what each field takes, whether it is required, and its default. */
import { code, splitDefault, tableOf } from './reference-table.ts'

/** What the page tells of a JSON schema. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly example?: unknown
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Body
  readonly responses: Readonly<Record<string, Body>>
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const COLUMNS = ['', 'Takes', 'Required', 'Default', ''] as const

export function renderApi(document: OpenApi): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ title: `${method.toUpperCase()} ${path}`, operation })),
  )
  const shapes = Object.entries(document.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    '# Management API\n',
    'The same in OpenAPI 3.1 is what each server gives at `/api/v1/openapi.json`. Authenticate by a personal access token (`Authorization: Bearer kgm_pat_…`) or by user name and password (Basic). Errors are `{"error": {"code", "message", "detail"}}`; many say in parts what they are about, by [`about`](#errorabout). Fields that are not named here are refused.\n',
    ...operations.map(({ title, operation }) => operationSection(title, operation)),
    '# Shapes\n',
    'What requests and answers are made of.\n',
    ...shapes.map(([name, schema]) => `## ${name}\n\n${shapeOf(schema)}\n`),
  ].join('\n')
}

function operationSection(
  title: string,
  { summary, description, parameters = [], requestBody, responses }: Operation,
): string {
  const rows = parameters.map(({ name, in: where, required, description: about, schema }) =>
    fieldRow(name, { ...schema, description: about ?? schema.description ?? `in the ${where}` }, required === true),
  )
  const body = schemaIn(requestBody)
  const answers = Object.entries(responses).flatMap(([status, answer]) => {
    const schema = schemaIn(answer)
    if (status === 'default') return []
    return [schema === undefined ? status : `${status}: ${typeOf(schema)}`]
  })
  const parts = [
    `## ${code(title)}`,
    [summary, description]
      .filter((text) => text !== undefined)
      .join('. ')
      .replace(/\.?$/, '.'),
    ...(rows.length === 0 ? [] : [tableOf(COLUMNS, rows)]),
    ...(body === undefined ? [] : [body.$ref === undefined ? `Body:\n\n${shapeOf(body)}` : `Body: ${typeOf(body)}`]),
    `Answers ${answers.join(', ')}.`,
  ]
  return `${parts.join('\n\n')}\n`
}

function schemaIn(body: Body | undefined): Schema | undefined {
  return Object.values(body?.content ?? {})[0]?.schema
}

function shapeOf(schema: Schema): string {
  const about = schema.description === undefined ? '' : `${schema.description}\n\n`
  const { properties, required = [] } = schema
  if (properties === undefined) return `${about}${typeOf(schema)}`
  const rows = Object.entries(properties).map(([name, field]) => fieldRow(name, field, required.includes(name)))
  return about + tableOf(COLUMNS, rows)
}

function fieldRow(name: string, schema: Schema, isRequired: boolean): readonly string[] {
  const { about, fallback } = splitDefault(schema.description ?? '')
  const given = schema.default === undefined ? fallback : code(JSON.stringify(schema.default))
  return [code(name), typeOf(schema), isRequired ? 'yes' : 'no', given, about]
}

/** In words: choices, bounds, and null where it is taken. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return `[${name}](#${name.toLowerCase()})`
  }
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) return variants.map(typeOf).join(' or ')
  if (schema.allOf !== undefined) return schema.allOf.map(typeOf).join(' and ')
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ')
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['anything'])
  return types.map((type) => wordsOf(type, schema)).join(' or ')
}

function wordsOf(type: string, schema: Schema): string {
  switch (type) {
    case 'array':
      return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}${bounds(schema.minItems, schema.maxItems, '')}`
    case 'object': {
      const { properties, additionalProperties: values } = schema
      if (properties !== undefined) {
        return `{ ${Object.entries(properties)
          .map(([name, field]) => `${code(name)}: ${typeOf(field)}`)
          .join(', ')} }`
      }
      return typeof values === 'object' ? `object of ${typeOf(values)}` : 'object'
    }
    case 'string': {
      const like = schema.pattern === undefined ? '' : ` like ${code(schema.pattern)}`
      const example = schema.example === undefined ? like : `, such as ${code(String(schema.example))}`
      const kind = schema.format === 'date-time' ? 'time' : 'text'
      return `${kind}${bounds(schema.minLength, schema.maxLength, ' characters')}${example}`
    }
    case 'integer':
    case 'number': {
      const least = schema.minimum ?? (schema.exclusiveMinimum === undefined ? undefined : schema.exclusiveMinimum + 1)
      const most = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum
      return `${type === 'integer' ? 'whole number' : 'number'}${bounds(least, most, '')}`
    }
    case 'boolean':
      return `${code('true')}, ${code('false')}`
    case 'null':
      return code('null')
    default:
      return type
  }
}

function bounds(least: number | undefined, most: number | undefined, unit: string): string {
  if (most === undefined) return least === undefined || least === 0 || unit !== '' ? '' : ` from ${least}`
  return least === undefined ? ` up to ${most}${unit}` : `, ${least} to ${most}${unit}`
}
