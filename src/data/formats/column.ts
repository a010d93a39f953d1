/** A column as a person writes it: `messages`, `list<struct<role: string, content: string>>`. */
export interface Column {
  readonly name: string;
  readonly type: string;
}
