//! A test picture of our own: a penguin on the ice, made of ellipses in few colours.
//!
//! Its large flat areas are what makes ECB mode show, and it is computed in integers, so that it
//! has the same bytes everywhere.

/// Units of the drawing: the picture is this many wide and high, whatever its pixels are.
const UNITS: i64 = 1000;

/// An area of one colour: all points within an ellipse, in units.
struct Ellipse {
    center: (i64, i64),
    radii: (i64, i64),
    rgb: [u8; 3],
}

const fn ellipse(center: (i64, i64), radii: (i64, i64), rgb: [u8; 3]) -> Ellipse {
    Ellipse { center, radii, rgb }
}

const SKY: [u8; 3] = [176, 212, 241];
const BLACK: [u8; 3] = [24, 26, 32];
const WHITE: [u8; 3] = [250, 250, 250];
const ORANGE: [u8; 3] = [240, 150, 30];

/// From back to front.
const AREAS: [Ellipse; 14] = [
    ellipse((150, 170), (70, 70), [255, 224, 130]),
    ellipse((500, 1150), (900, 330), [226, 238, 246]),
    ellipse((395, 890), (95, 35), ORANGE),
    ellipse((605, 890), (95, 35), ORANGE),
    ellipse((270, 590), (60, 210), BLACK),
    ellipse((730, 590), (60, 210), BLACK),
    ellipse((500, 600), (235, 290), BLACK),
    ellipse((500, 290), (165, 175), BLACK),
    ellipse((500, 650), (170, 230), WHITE),
    ellipse((435, 265), (55, 65), WHITE),
    ellipse((565, 265), (55, 65), WHITE),
    ellipse((448, 275), (22, 28), BLACK),
    ellipse((552, 275), (22, 28), BLACK),
    ellipse((500, 355), (85, 38), ORANGE),
];

/// The picture as a PPM, of 3 bytes a pixel.
pub fn penguin(width: u32, height: u32) -> Vec<u8> {
    let mut ppm = format!("P6\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            ppm.extend(color(units(x, width), units(y, height)));
        }
    }
    ppm
}

/// Where the middle of a pixel lies in the drawing.
fn units(pixel: u32, pixels: u32) -> i64 {
    (2 * i64::from(pixel) + 1) * UNITS / (2 * i64::from(pixels))
}

fn color(x: i64, y: i64) -> [u8; 3] {
    let within = |area: &&Ellipse| {
        let ((center_x, center_y), (radius_x, radius_y)) = (area.center, area.radii);
        let (dx, dy) = ((x - center_x) * radius_y, (y - center_y) * radius_x);
        dx * dx + dy * dy <= (radius_x * radius_y).pow(2)
    };
    AREAS.iter().rev().find(within).map_or(SKY, |area| area.rgb)
}
