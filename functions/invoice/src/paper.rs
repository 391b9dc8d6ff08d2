//! Paper: A4 pages, text in Helvetica at a place, rules, and the file that they make. No floats are computed with: places
//! are whole points, widths thousandths of a point size. It knows no invoice.

use pdf_writer::{Content, Name, Pdf, Rect, Ref, Str, TextStr};

/// A4 in points.
pub(crate) const WIDTH: i16 = 595;
const HEIGHT: i16 = 842;
/// The margins.
pub(crate) const LEFT: i16 = 56;
pub(crate) const RIGHT: i16 = WIDTH - 56;
const TOP: i16 = HEIGHT - 64;
const BOTTOM: i16 = 72;

/// The widths of Helvetica's printable ASCII from the space on, in thousandths (Adobe's font metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];

/// How a text is set.
#[derive(Clone, Copy)]
pub(crate) enum Face {
    Plain,
    Bold,
}

/// Pages that are being written, from the top of the first on.
pub(crate) struct Paper {
    pages: Vec<Content>,
    y: i16,
}

impl Paper {
    pub(crate) fn new() -> Self {
        Self { pages: vec![Content::new()], y: TOP }
    }

    /// Goes down by that many points.
    pub(crate) fn down(&mut self, points: i16) {
        self.y -= points;
    }

    /// Whether so many points are left on the page.
    pub(crate) fn has_room(&self, points: i16) -> bool {
        self.y - points >= BOTTOM
    }

    /// Begins a page.
    pub(crate) fn turn(&mut self) {
        self.pages.push(Content::new());
        self.y = TOP;
    }

    /// A text that begins at `x`.
    pub(crate) fn text(&mut self, x: i16, size: i16, face: Face, text: &str) {
        let y = self.y;
        show(self.page(), (x, y), size, face, text);
    }

    /// A text that ends at `x`. Digits and signs are as wide in both faces.
    pub(crate) fn text_to(&mut self, x: i16, size: i16, face: Face, text: &str) {
        self.text(x - width(text, size), size, face, text);
    }

    /// A line across the page, a little below the text.
    pub(crate) fn rule(&mut self) {
        let y = f32::from(self.y - 4);
        let page = self.page();
        page.set_line_width(0.5);
        page.move_to(f32::from(LEFT), y).line_to(f32::from(RIGHT), y).stroke();
    }

    fn page(&mut self) -> &mut Content {
        self.pages.last_mut().expect("paper has a first page and loses none")
    }

    /// The file, with `foot` and the page's number below each page.
    pub(crate) fn finish(mut self, title: &str, foot: &str) -> Vec<u8> {
        let count = self.pages.len();
        for (place, page) in self.pages.iter_mut().enumerate() {
            show(page, (LEFT, 40), 8, Face::Plain, foot);
            let number = format!("Page {} of {count}", place + 1);
            show(page, (RIGHT - width(&number, 8), 40), 8, Face::Plain, &number);
        }
        file(self.pages, title)
    }
}

fn show(page: &mut Content, (x, y): (i16, i16), size: i16, face: Face, text: &str) {
    let font = match face {
        Face::Plain => Name(b"F1"),
        Face::Bold => Name(b"F2"),
    };
    page.begin_text();
    page.set_font(font, f32::from(size));
    page.next_line(f32::from(x), f32::from(y));
    page.show(Str(&encoded(text)));
    page.end_text();
}

/// Points that a text is wide.
fn width(text: &str, size: i16) -> i16 {
    let thousandths = encoded(text).into_iter().map(|byte| {
        let place = usize::from(byte).checked_sub(32);
        u32::from(place.and_then(|place| WIDTHS.get(place)).copied().unwrap_or(556))
    });
    let points = thousandths.sum::<u32>() * u32::from(size.unsigned_abs()) / 1000;
    i16::try_from(points).unwrap_or(WIDTH)
}

/// WinAnsi: Latin-1 and a few more. What it has no place for is a question mark.
fn encoded(text: &str) -> Vec<u8> {
    let byte = |letter: char| match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '€' => 0x80,
        '’' => 0x92,
        '–' => 0x96,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

fn file(pages: Vec<Content>, title: &str) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut last = 0;
    let mut next = || {
        last += 1;
        Ref::new(last)
    };
    let (catalog, tree, plain, bold, info) = (next(), next(), next(), next(), next());
    let kids: Vec<(Ref, Ref)> = pages.iter().map(|_| (next(), next())).collect();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids(kids.iter().map(|(page, _)| *page)).count(i32::try_from(kids.len()).unwrap_or(i32::MAX));
    for ((id, content), page) in kids.into_iter().zip(pages) {
        let mut sheet = pdf.page(id);
        sheet.media_box(Rect::new(0.0, 0.0, f32::from(WIDTH), f32::from(HEIGHT))).parent(tree).contents(content);
        sheet.resources().fonts().pair(Name(b"F1"), plain).pair(Name(b"F2"), bold);
        drop(sheet);
        pdf.stream(content, &page.finish());
    }
    for (id, name) in [(plain, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
        pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.document_info(info).title(TextStr(title)).creator(TextStr("Florin"));
    pdf.finish()
}
