//! The part of JSONata that the state machine is written in: paths, texts, comparisons, `in`, `and`, `or`, `$substring`.
//! Anything else is refused when the machine is read.

use anyhow::{Result, bail};
use serde_json::Value;

/// An expression between `{%` and `%}`, or a plain value.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Plain(Value),
    /// Of `$states`.
    Path(Vec<String>),
    List(Vec<Expression>),
    Substring(Box<Expression>, usize, usize),
    Equal(Box<Expression>, Box<Expression>),
    Unequal(Box<Expression>, Box<Expression>),
    In(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

/// What `$states` is where an expression stands.
#[derive(Clone, Copy)]
pub struct States<'a> {
    pub input: &'a Value,
    pub execution_input: &'a Value,
    pub result: Option<&'a Value>,
}

impl Expression {
    /// A value of the definition.
    pub fn read(value: &Value) -> Result<Self> {
        let Some(inner) = value.as_str().and_then(|text| text.trim().strip_prefix("{%")?.strip_suffix("%}")) else {
            return Ok(Self::Plain(value.clone()));
        };
        let mut parser = Parser { tokens: tokens(inner)?, at: 0 };
        let expression = parser.or()?;
        if parser.at < parser.tokens.len() {
            bail!("{inner}: not understood from {:?} on", parser.tokens[parser.at]);
        }
        Ok(expression)
    }

    /// What it is; what is not there is null.
    pub fn value(&self, states: States<'_>) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Path(path) => states.at(path).cloned().unwrap_or_default(),
            Self::List(items) => items.iter().map(|item| item.value(states)).collect(),
            Self::Substring(text, from, count) => {
                let text = text.value(states);
                text.as_str().map(|text| text.chars().skip(*from).take(*count).collect::<String>()).into()
            }
            Self::Equal(..) | Self::Unequal(..) | Self::In(..) | Self::And(..) | Self::Or(..) => {
                self.holds(states).into()
            }
        }
    }

    /// Whether it is true.
    pub fn holds(&self, states: States<'_>) -> bool {
        match self {
            Self::Equal(left, right) => left.value(states) == right.value(states),
            Self::Unequal(left, right) => left.value(states) != right.value(states),
            Self::In(item, list) => {
                let (item, list) = (item.value(states), list.value(states));
                list.as_array().is_some_and(|list| list.contains(&item))
            }
            Self::And(left, right) => left.holds(states) && right.holds(states),
            Self::Or(left, right) => left.holds(states) || right.holds(states),
            Self::Plain(_) | Self::Path(_) | Self::List(_) | Self::Substring(..) => {
                self.value(states) == Value::Bool(true)
            }
        }
    }
}

impl<'a> States<'a> {
    fn at(self, path: &[String]) -> Option<&'a Value> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let (root, rest) = match names.as_slice() {
            ["input", rest @ ..] => (self.input, rest),
            ["context", "Execution", "Input", rest @ ..] => (self.execution_input, rest),
            ["result", "Payload", rest @ ..] => (self.result?, rest),
            _ => return None,
        };
        rest.iter().try_fold(root, |value, name| value.get(name))
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    Number(usize),
    Name(String),
    Sign(&'static str),
}

const SIGNS: [&str; 8] = ["!=", "=", "(", ")", "[", "]", ",", "."];

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '\'' || first == '"' {
            let Some(end) = rest[1..].find(first) else { bail!("{text}: a text without an end") };
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            end + 2
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            sign.len()
        } else {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            if length == 0 {
                bail!("{text}: {first} is not understood");
            }
            let word = &rest[..length];
            tokens.push(word.parse().map_or_else(|_| Token::Name(word.to_owned()), Token::Number));
            length
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn takes(&mut self, token: &Token) -> bool {
        let there = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        self.takes(&Token::Name(word.to_owned()))
    }

    fn expect(&mut self, sign: &'static str) -> Result<()> {
        if self.takes(&Token::Sign(sign)) { Ok(()) } else { bail!("expected {sign} at {:?}", self.tokens.get(self.at)) }
    }

    fn or(&mut self) -> Result<Expression> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression> {
        let mut left = self.comparison()?;
        while self.word("and") {
            left = Expression::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression> {
        let left = self.term()?;
        let make = if self.takes(&Token::Sign("=")) {
            Expression::Equal
        } else if self.takes(&Token::Sign("!=")) {
            Expression::Unequal
        } else if self.word("in") {
            Expression::In
        } else {
            return Ok(left);
        };
        Ok(make(Box::new(left), Box::new(self.term()?)))
    }

    fn number(&mut self) -> Result<usize> {
        match self.tokens.get(self.at) {
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(*number)
            }
            other => bail!("expected a number, found {other:?}"),
        }
    }

    fn term(&mut self) -> Result<Expression> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) => Ok(Expression::Plain(text.into())),
            Some(Token::Number(number)) => Ok(Expression::Plain(number.into())),
            Some(Token::Sign("(")) => {
                let inner = self.or()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => {
                let mut items = vec![self.term()?];
                while self.takes(&Token::Sign(",")) {
                    items.push(self.term()?);
                }
                self.expect("]")?;
                Ok(Expression::List(items))
            }
            Some(Token::Name(name)) if name == "$substring" => {
                self.expect("(")?;
                let text = self.or()?;
                self.expect(",")?;
                let from = self.number()?;
                self.expect(",")?;
                let count = self.number()?;
                self.expect(")")?;
                Ok(Expression::Substring(Box::new(text), from, count))
            }
            Some(Token::Name(name)) if name == "$states" => {
                let mut path = Vec::new();
                while self.takes(&Token::Sign(".")) {
                    match self.tokens.get(self.at) {
                        Some(Token::Name(name)) => path.push(name.clone()),
                        other => bail!("expected a name, found {other:?}"),
                    }
                    self.at += 1;
                }
                Ok(Expression::Path(path))
            }
            Some(Token::Name(name)) if name == "true" || name == "false" => {
                Ok(Expression::Plain((name == "true").into()))
            }
            other => bail!("{other:?} is not understood"),
        }
    }
}
